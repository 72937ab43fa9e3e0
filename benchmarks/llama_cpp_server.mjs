// llama.cpp behind a few lines of OpenAI's protocol, to be measured beside other servers.
//
//     npm install node-llama-cpp@3.21.1
//     node llama_cpp_server.mjs MODEL.gguf 8090 [SLOTS] [THREADS]
//
// The engine is the package's prebuilt llama.cpp; it picks the variant for the processor. Each slot
// keeps what it read last, and a prompt goes to the free slot that holds most of its beginning.

import http from "node:http";
import process from "node:process";
import { getLlama } from "node-llama-cpp";

const [file, port, slots = "4", threads = "1"] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", maxThreads: Number(threads) });
const model = await llama.loadModel({ modelPath: file });
const context = await model.createContext({
  sequences: Number(slots), contextSize: 4096, batchSize: 512, threads: Number(threads),
});
const free = Array.from({ length: Number(slots) }, () => context.getSequence());
const waiting = [];

const chatml = (messages) =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join("") +
  "<|im_start|>assistant\n";

const shared = (sequence, tokens) => {
  let length = 0;
  while (length < tokens.length && sequence.contextTokens[length] === tokens[length]) length++;
  return length;
};

const takeSlot = async (tokens) => {
  while (free.length === 0) await new Promise((resolve) => waiting.push(resolve));
  free.sort((one, other) => shared(one, tokens) - shared(other, tokens));
  return free.pop();
};

const reply = async ({ messages, max_tokens, temperature = 0 }) => {
  const tokens = model.tokenize(chatml(messages), true);
  const slot = await takeSlot(tokens);
  const said = [];
  let cached = 0;
  try {
    await slot.adaptStateToTokens(tokens, false);
    cached = slot.nextTokenIndex;
    for await (const token of slot.evaluate(tokens.slice(cached), { temperature })) {
      said.push(token);
      if (said.length >= max_tokens) break;
    }
  } finally {
    free.push(slot);
    waiting.shift()?.();
  }
  return {
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: model.detokenize(said) } }],
    usage: {
      prompt_tokens: tokens.length,
      completion_tokens: said.length,
      prompt_tokens_details: { cached_tokens: cached },
    },
  };
};

http
  .createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    try {
      const told = await reply(JSON.parse(Buffer.concat(pieces).toString("utf-8")));
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(told));
    } catch (error) {
      response.writeHead(500);
      response.end(String(error));
    }
  })
  .listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/v1 ${llama.buildType} ${process.pid}`));
