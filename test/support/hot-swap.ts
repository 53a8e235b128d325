import type { TestServer } from './server.ts';

export interface SwapOptions {
  readonly at: TestServer;
  /** Folders of adapters whose greedy answers differ. */
  readonly adapters: readonly string[];
  /** Requests in all, and so many at once. */
  readonly requests: number;
  readonly parallel: number;
}

export interface SwapResult {
  readonly answered: number;
  /** Refused with 404, of the name that comes and goes. */
  readonly absent: number;
  readonly swaps: number;
  /** Answers of a name that was taken away while they came, or just before. */
  readonly leaving: number;
  /** How long each load took under load, in milliseconds. */
  readonly loadMs: readonly number[];
  /** What must not be: another status, another text than that of the version in the header, an old version behind an acknowledged load. */
  readonly faults: readonly string[];
}

const PROMPTS = ['What is a dog?', 'What is a cat?', 'Where is Rome?'];
const TOKENS = 6;

/**
 * Asks for two names while one is replaced all the time and the other comes and goes. What must come is known before: each adapter's greedy answers to each prompt, asked for one by one.
 */
export async function swapUnderLoad({ at, adapters, requests, parallel }: SwapOptions): Promise<SwapResult> {
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${at.server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const ask = async (model: string, prompt: string): Promise<{ status: number; version: string; text: string }> => {
    const answer = await post('/v1/chat/completions', {
      model,
      messages: [{ role: 'user', content: prompt }],
      temperature: 0,
      max_tokens: TOKENS,
    });
    const body = (await answer.json()) as { choices?: { message: { content: string } }[] };
    const version = answer.headers.get('x-preftune-version') ?? '';
    return {
      status: answer.status,
      version: version.split('@').at(-1)!,
      text: body.choices?.[0]?.message.content ?? '',
    };
  };
  const faults: string[] = [];
  const load = async (name: string, path: string): Promise<void> => {
    const answer = await post('/v1/load_lora_adapter', { lora_name: name, lora_path: path, load_inplace: true });
    if (answer.status !== 200) faults.push(`load ${name}: ${answer.status} ${await answer.text()}`);
  };
  const expected = new Map<string, string>();
  const digests: string[] = [];
  for (const path of adapters) {
    await load('swapped', path);
    for (const prompt of PROMPTS) {
      const { version, text } = await ask('swapped', prompt);
      expected.set(`${version} ${prompt}`, text);
      if (digests.at(-1) !== version) digests.push(version);
    }
  }
  let [sent, answered, absent, swaps, leaving] = [0, 0, 0, 0, 0];
  const asking = { isOver: false };
  const loadMs: number[] = [];
  const work = async (): Promise<void> => {
    while (sent < requests) {
      const place = sent++;
      const [model, prompt] = [place % 4 === 3 ? 'passing' : 'swapped', PROMPTS[place % PROMPTS.length]!];
      const { status, version, text } = await ask(model, prompt);
      if (status === 404 && model === 'passing') absent++;
      else if (status !== 200) faults.push(`request ${place}: ${status}`);
      else if (text !== expected.get(`${version} ${prompt}`)) faults.push(`request ${place}: ${version} said ${text}`);
      else answered++;
    }
  };
  const swap = async (): Promise<void> => {
    for (let turn = 0; !asking.isOver; turn++) {
      const place = turn % adapters.length;
      const began = performance.now();
      await load('swapped', adapters[place]!);
      loadMs.push(performance.now() - began);
      // What was acknowledged holds for the next request.
      const { version } = await ask('swapped', PROMPTS[0]!);
      if (version !== digests[place]) faults.push(`swap ${turn}: ${version} answered, ${digests[place]} was loaded`);
      const other = (place + 1) % adapters.length;
      await load('passing', adapters[other]!);
      // These were admitted, or come too late; those that were admitted are answered though the name goes now.
      const first = await ask('passing', PROMPTS[1]!);
      if (first.text !== expected.get(`${digests[other]} ${PROMPTS[1]!}`))
        faults.push(`passing ${turn}: ${first.text}`);
      const late = PROMPTS.map(async (prompt) => {
        const said = await ask('passing', prompt);
        if (said.status === 404) return false;
        const wanted = expected.get(`${said.version} ${prompt}`);
        if (said.status !== 200 || said.text !== wanted) faults.push(`late ${turn}: ${said.status} ${said.text}`);
        return true;
      });
      await new Promise((resolve) => setTimeout(resolve, turn % 4));
      const gone = await post('/v1/unload_lora_adapter', { lora_name: 'passing' });
      if (gone.status !== 200) faults.push(`unload: ${gone.status}`);
      for (const wasAdmitted of await Promise.all(late)) if (wasAdmitted) leaving++;
      swaps++;
    }
  };
  const swapping = swap();
  await Promise.all(Array.from({ length: parallel }, work));
  asking.isOver = true;
  await swapping;
  return { answered, absent, swaps, leaving, loadMs, faults };
}
