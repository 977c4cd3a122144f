// A file of its own, so that the page needs no inline script and the content security policy can forbid them.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true });
