// A tour of latentserve with openapi-fetch: every address, parameter and answer below is checked by the compiler.

import createClient from "openapi-fetch";
import type { components, paths } from "./generated/latentserve.js";

type Mean = components["schemas"]["Mean"];

const server = process.env.LATENTSERVE ?? "http://127.0.0.1:8000";
const { GET, POST } = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: server });
const path = { m: "fashion-vae" };

/** The data of an answer; throws what the service says was wrong. */
function given<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

function first<T>(list: readonly T[]): T {
  const [one] = list;
  if (one === undefined) throw new Error("an empty list");
  return one;
}

const nats = ({ value, standard_error }: Mean) => `${value.toFixed(1)} ± ${(standard_error ?? NaN).toFixed(1)} nats`;
const base64 = async (file: Blob) => Buffer.from(await file.arrayBuffer()).toString("base64");

// The models, and what the first can do
const { data: models } = given(await GET("/v1/models"));
console.log("models:", models.map(({ name, capabilities }) => `${name} (${capabilities.join(" ")})`).join(", "));

// Sampling: a file, and where it lies for ever
const at = { path: { ...path, seeds: "alice", extension: "png" as const } };
const picture: Blob = given(await GET("/v1/models/{m}/samples/{seeds}.{extension}", { params: at, parseAs: "blob" }));
const sample = first(given(await POST("/v1/models/{m}/samples", { params: { path }, body: { seeds: "alice" } })).data);
console.log(`sampled: ${picture.size} bytes of ${picture.type}, seed ${sample.seed}, ${server}${sample.url}`);

// Encoding: the file says of itself where it came from, so its latents are exact
const images = [await base64(picture)];
const encoded = first(given(await POST("/v1/models/{m}/latents", { params: { path }, body: { images } })).data);
console.log(`encoded: ${encoded.latents.length} latents from its ${encoded.source}, exact: ${encoded.exact}`);

// Decoding: the same picture again
const decoded = first(
  given(await POST("/v1/models/{m}/images", { params: { path }, body: { latents: [encoded.latents] } })).data,
);
const where = decoded.z64 === sample.z64 ? "the same" : "another";
console.log(`decoded: ${decoded.image.length} characters of base64, ${where} point`);

// Interpolating: as a list of frames, and as an animation
const way = { path: { ...path, seeds: "alice,bob" }, query: { steps: 8 } };
const json = { params: { ...way, path: { ...way.path, extension: "json" as const } } };
const webp = { params: { ...way, path: { ...way.path, extension: "webp" as const } }, parseAs: "blob" as const };
const { data: frames } = given(await GET("/v1/models/{m}/interpolations/{seeds}.{extension}", json));
const film: Blob = given(await GET("/v1/models/{m}/interpolations/{seeds}.{extension}", webp));
const times = frames.map(({ t }) => t.toFixed(2)).join(" ");
console.log(`interpolated: ${frames.length} frames, t = ${times}; ${film.size} bytes of ${film.type}`);

// Scoring: of pictures, since these were sent; points of the latent space would have a density instead
const scores = given(await POST("/v1/models/{m}/scores", { params: { path, query: { k: 64 } }, body: { images } }));
if (!("domain" in scores)) throw new Error("no scores of pictures");
const { elbo, reconstruction, kl, percentile } = first(scores.data);
console.log(`scored: ELBO ${nats(elbo)} = ${nats(reconstruction)} - ${nats(kl)}, percentile ${percentile?.toFixed(0)}`);

// An error: typed, with a code for programs and a remedy for people
const { error } = await POST("/v1/models/{m}/scores", { params: { path: { m: "fashion-dcgan" } }, body: { images } });
console.log(`refused: ${error?.code}: ${error?.detail}; ${error?.supported_by?.length} models can`);
