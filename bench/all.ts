/**
 * npm run bench -- --model SmolLM2.gguf --data helpful-base-test.jsonl.gz [options of dpo.ts]
 *
 * Everything that is measured without a peer: speed and memory of LoRA DPO (dpo.ts), then the embedded model's step and the
 * time to the first step (start.ts), each in a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

function runScript(script: string, args: readonly string[]): void {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', path, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const args = process.argv.slice(2);
const model = args[args.indexOf('--model') + 1];
runScript('dpo.ts', args);
runScript('start.ts', args.includes('--model') && model !== undefined ? ['--smollm2', model] : []);
