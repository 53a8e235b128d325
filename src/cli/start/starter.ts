import { existsSync, readdirSync } from 'node:fs';

/** A small model that commands to type name where the user has named none: it fits into any machine, and nobody has to ask for it. */
export const STARTER_MODEL = 'HuggingFaceTB/SmolLM2-135M-Instruct';

/** `name`, or the first of `name-2`, `name-3`, ... that is no folder with files, so that a command that names it can be typed as it stands. */
export function freeFolder(name: string): string {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? name : `${name}-${number}`;
    if (!existsSync(folder) || isEmptyFolder(folder)) return folder;
  }
}

/** Whether a path is a folder without anything in it. */
export function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

/** The words of a command that trains on these rows: the given model, or the starter; the first folder that is free. */
export function trainingOn(data: readonly string[], model: string = STARTER_MODEL): string[] {
  const rows = data.flatMap((name) => ['--data', name]);
  return ['dpo', '--model', model, ...rows, '--output', freeFolder('run')];
}
