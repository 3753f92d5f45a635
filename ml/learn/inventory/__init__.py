"""Stock as a decision: a simulator of goods, classical policies, and one that is learned through the simulator."""
