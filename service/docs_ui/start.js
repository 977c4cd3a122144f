// A file of its own, so that the page needs no inline script and the content security policy can forbid them.
// validatorUrl: the description is not sent to anyone.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true, validatorUrl: null });
