"""What the benches of sensor plans share."""
