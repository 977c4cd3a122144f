"""Pictures and arrays as files, and back: PNG, WebP and npy; uploads are read within limits. No torch, no HTTP."""
