"""What wraps every answer, as plain ASGI, from the outermost: envelope, shortcut, barrier, departure, lane."""
