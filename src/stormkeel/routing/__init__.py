"""Which deployment is asked, in what order; it sees the fleet only as the view it defines, and never asks anybody itself."""
