"""What holds for every test."""

from hypothesis import HealthCheck, settings

# How long one example takes is the machine's to say, not the code's: each test as a whole has its deadline.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
