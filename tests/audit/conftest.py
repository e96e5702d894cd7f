from tests.test_permissions import ask, endpoint

__all__ = ["ask", "endpoint"]
