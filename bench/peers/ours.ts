/**
 * Our side of the comparison: LoRA DPO at its best settings, one step for each line `step` on standard input.
 *
 *     tsx bench/peers/ours.ts MODEL ROWS.jsonl [BASE-PRECISION]
 */
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { internal } from '../../src/core/index.ts';
import { fileSource, loadPairs } from '../../src/data/index.ts';
import { BASE_PRECISIONS } from '../../src/models/index.ts';
import { openModel } from '../../src/policy/index.ts';
import { BEST_SETTINGS, openLoraDpo } from '../lora-dpo.ts';
import type { SideEvent } from './side.ts';

function tell(event: SideEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function versions(): Record<string, string> {
  const { version, dependencies } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string; dependencies: Record<string, string> };
  return { preftune: version, 'onnxruntime-node': dependencies['onnxruntime-common']!, node: process.versions.node };
}

const [model, data, precision = 'float32'] = process.argv.slice(2);
const basePrecision = BASE_PRECISIONS.find((name) => name === precision);
if (model === undefined || data === undefined || basePrecision === undefined)
  throw internal('ours.ts is started with a model, a file of rows and perhaps a precision of the base');
const opened = await openModel(model);
const { rows: pairs } = await loadPairs(fileSource(data), {
  tokenizer: opened.tokenizer,
  maxLength: BEST_SETTINGS.maxLength,
});
const training = await openLoraDpo({ opened, pairs, ...BEST_SETTINGS, basePrecision });
tell({
  event: 'ready',
  seconds_precompute: training.referenceSeconds,
  pairs_precomputed: pairs.count,
  threads: training.threads,
  versions: versions(),
});
let done = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'step') break;
  const { seconds, loss, tokens, minorPageFaults } = await training.step(done++);
  tell({ event: 'step', seconds, loss, tokens, minor_page_faults: minorPageFaults });
}
const { maxRSS, minorPageFault } = process.resourceUsage();
tell({ event: 'end', peak_rss_mb: maxRSS / 1024, minor_page_faults: minorPageFault });
await training.dispose();
await opened.files.close();
