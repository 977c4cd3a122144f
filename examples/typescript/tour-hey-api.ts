// The same service through the client that Hey API generates: a function for each operation, a type for each answer.

import { client } from "./generated/hey-api/client.gen.js";
import * as latentserve from "./generated/hey-api/index.js";

client.setConfig({ baseUrl: process.env.LATENTSERVE ?? "http://127.0.0.1:8000" });
const about = { path: { m: "fashion-vae" }, throwOnError: true } as const;

const alice = { ...about.path, seeds: "alice", extension: "png" } as const;
const { data: picture } = await latentserve.getSamples({ ...about, path: alice });
if (!(picture instanceof Blob)) throw new Error("no picture");
const images = [Buffer.from(await picture.arrayBuffer()).toString("base64")];
console.log(`sampled: ${picture.size} bytes of ${picture.type}`);

const { data: encoded } = await latentserve.encodeImages({ ...about, body: { images } });
if (encoded instanceof Blob) throw new Error("no JSON");
const latents = encoded.data.map((each) => each.latents);
console.log(`encoded: ${latents[0]?.length} latents from its ${encoded.data[0]?.source}`);

const decoded = await latentserve.decodeLatents({ ...about, body: { latents }, headers: { Accept: "image/webp" } });
if (!(decoded.data instanceof Blob)) throw new Error("no picture");
console.log(`decoded: ${decoded.data.size} bytes of ${decoded.data.type}`);

const film = await latentserve.createInterpolation({ ...about, body: { seeds: [42, 79], steps: 8 } });
if (typeof film.data === "string" || film.data instanceof Blob) throw new Error("no JSON");
console.log(`interpolated: ${film.data.data.length} frames`);

const { data: scores } = await latentserve.scoreImages({ ...about, body: { images } });
if (!("domain" in scores)) throw new Error("no scores of pictures");
console.log(`scored: ELBO ${scores.data[0]?.elbo.value.toFixed(1)} nats`);
