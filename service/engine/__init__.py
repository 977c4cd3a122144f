"""From a request's numbers to the model's: batching, the forward pass, and the operations above it. No HTTP."""
