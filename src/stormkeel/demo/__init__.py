"""The demo: the official SDKs go through a fixed storm of failures, alone and behind the gateway.

Never needs a key, an account or the network: both providers are sandboxes on this machine.

    stage   two sandboxes and a gateway, as processes of their own
    storm   what is asked, and which faults it meets: fixed by a seed
    drive   the unmodified SDKs ask
    arrival what came in at the sandboxes, and what it cost there
    audit   the gateway's ledger against the sandboxes' bill
    figures what came of it, in numbers
    claims  what must hold, checked
    report  tables and JSON
    run     all of it in order
"""
