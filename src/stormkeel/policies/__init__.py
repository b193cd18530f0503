"""Pure decisions about time, failure, load and money, one module each; the clock and the dice are arguments."""
