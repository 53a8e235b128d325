/**
 * A stand-in for a language model as a judge, to try judging without a key, a download or a bill: a server that speaks as much of the chat completions API as
 * `preftune compare` and `preftune judge` ask for. It is no language model. It counts: what the prompt is about and the answer takes up, what is said twice, refusals.
 *
 *     node examples/stand-in-judge.mjs [PORT]
 *
 * Then: preftune compare ... --judge-model stand-in --judge-url http://127.0.0.1:8799/v1
 */
import { createServer } from 'node:http';

const DEFAULT_PORT = 8799;
/** Scores nearer than this are a tie. */
const TIE = 0.05;
const REFUSAL = /\b(I (can ?not|can't|won't|am unable to|don't know)|as an AI|I'm sorry)\b/i;
const COMMON = new Set(
  'a about after all also an and any are as at be been but by can could did do does for from get had has have how i if in into is it its just like make me more my no not of on or our out so some than that the their them then there these they this to up us was we were what when where which who why will with would you your'.split(
    ' ',
  ),
);

function wordsOf(text) {
  return text.toLowerCase().match(/\p{L}[\p{L}'’-]*/gu) ?? [];
}

/** From 0 to about 1. */
function score(prompt, answer) {
  const words = wordsOf(answer);
  if (words.length === 0) return 0;
  const subject = new Set(wordsOf(prompt).filter((word) => !COMMON.has(word)));
  const said = new Set(words);
  const onSubject = [...subject].filter((word) => said.has(word)).length / Math.max(1, subject.size);
  const pairs = words.slice(1).map((word, i) => `${words[i]} ${word}`);
  const fresh = pairs.length === 0 ? 1 : new Set(pairs).size / pairs.length;
  const substance = Math.min(1, words.length / 40);
  return 0.4 * onSubject + 0.3 * fresh + 0.3 * substance - (REFUSAL.test(answer) ? 0.3 : 0);
}

/** The text between the marks that preftune puts around what is judged. */
function marked(name, question) {
  return new RegExp(`<${name} ([0-9a-f]{8})>\\n([\\s\\S]*?)\\n</${name} \\1>`).exec(question)?.[2] ?? '';
}

function judge(question) {
  const prompt = marked('prompt', question);
  const [first, second] = ['first-answer', 'second-answer'].map((name) => score(prompt, marked(name, question)));
  const winner = Math.abs(first - second) < TIE ? 'tie' : first > second ? 'first' : 'second';
  const rationale = `by counting words: ${first.toFixed(2)} for the first, ${second.toFixed(2)} for the second`;
  return { rationale, winner, confidence: Math.min(1, Math.abs(first - second)) };
}

const server = createServer(async (request, response) => {
  const send = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (request.method !== 'POST' || !request.url.endsWith('/chat/completions'))
    return send(404, { error: { message: `no ${request.url} here; ask POST /v1/chat/completions` } });
  try {
    let text = '';
    for await (const part of request.setEncoding('utf8')) text += part;
    const { model, messages } = JSON.parse(text);
    const content = JSON.stringify(judge(messages.findLast(({ role }) => role === 'user').content));
    const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
    // What a tokenizer would count is not known here: about four characters are a token.
    const [asked, answered] = [Math.ceil(text.length / 4), Math.ceil(content.length / 4)];
    const usage = { prompt_tokens: asked, completion_tokens: answered, total_tokens: asked + answered };
    send(200, { id: 'stand-in', object: 'chat.completion', created: 0, model, choices: [choice], usage });
  } catch (error) {
    send(400, { error: { message: `the body must be a chat completions request: ${error.message}` } });
  }
});

server.on('error', (error) => {
  process.stderr.write(`the stand-in judge cannot listen: ${error.message}; name another port\n`);
  process.exitCode = 1;
});
const port = Number(process.argv[2] ?? DEFAULT_PORT);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write(`the port must be a whole number from 0 to 65535, got ${process.argv[2]}\n`);
  process.exit(2);
}
server.listen(port, '127.0.0.1', () => {
  process.stdout.write(`the stand-in judge listens: http://127.0.0.1:${server.address().port}/v1\n`);
});
