import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nodeSha256, openFileSource, openLlama2c } from '../../src/formats/index.ts';
import { understandModel, type OpenedModel } from '../../src/policy/index.ts';

/** The llama2.c model beside the checkout, a fixture that tests use when it is there. */
const FOLDER = join(import.meta.dirname, '..', '..', '..', 'shared', 'models', 'stories260K');
export const STORIES = join(FOLDER, 'stories260K.bin');

export const hasStories = existsSync(STORIES);

export function skipWithoutStories(): void {
  if (!hasStories) process.stderr.write(`skipped: ${STORIES} is not there\n`);
}

export async function openStories(): Promise<OpenedModel> {
  const [weights, tokens] = [await openFileSource(STORIES), await openFileSource(join(FOLDER, 'tok512.bin'))];
  return understandModel(await openLlama2c(weights, tokens, nodeSha256));
}
