"""Hours of traffic in seconds: the same engine in virtual time, among providers in memory that fail by a schedule, all of it
drawn by a seed.

Never opens a socket and never waits: the clock jumps. What happens follows from the seed alone, so a seed is a replay (INV-26).

    seed -> configuration, weather, callers -> loop that shuffles -> House, as the gateway has it
                                                  |                     ^
            what the transport saw, what callers got <------------------'
                                                  '-> audit: a check for each invariant, by evidence and not by the engine's books
"""
