"""What wraps every answer of the framework, as plain ASGI, from the outermost: envelope, barrier, departure."""
