// Writes the types and clients of a running server: `npm run generate`, or LATENTSERVE=https://… npm run generate.

import { mkdir, writeFile } from "node:fs/promises";
import { createClient } from "@hey-api/openapi-ts";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const description = new URL("/openapi.json", process.env.LATENTSERVE ?? "http://127.0.0.1:8000");
const BLOB = ts.factory.createTypeReferenceNode("Blob");

// openapi-typescript leaves files to its caller, and would call them strings.
const types = await openapiTS(description, {
  transform: (schema) => (schema.format === "binary" ? BLOB : undefined),
});
await mkdir("generated", { recursive: true });
await writeFile("generated/latentserve.ts", astToString(types));

await createClient({
  input: description.href,
  output: { path: "generated/hey-api", importFileExtension: ".js" },
  plugins: ["@hey-api/typescript", "@hey-api/sdk", "@hey-api/client-fetch"],
  logs: { level: "silent" },
});
