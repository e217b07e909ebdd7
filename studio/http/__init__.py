"""HTTP below the API: middleware, bodies, limits on concurrency, and the web server."""
