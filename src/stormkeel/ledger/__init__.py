"""What happened and what it cost: entries, prices applied, pure sums. Never touches a file or a database."""
