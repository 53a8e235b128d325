import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { badUsage, localTimeOf, PreftuneError } from '../core/index.ts';
import type { Contestant } from '../evaluate/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { openModel, requireClock, type OpenedModel } from '../policy/index.ts';

const FILE = 'template-time.txt';

/**
 * The time that the chat templates of a comparison are told: one for all models, also when it goes on on another day, so it stands in its
 * folder. undefined where no template prints it. Throws bad-usage for another one than the folder's, bad-input for one that nobody prints.
 */
export async function comparisonTime(
  contestants: readonly Contestant[],
  resolve: (model: string) => Promise<string>,
  { output, templateTime }: { readonly output: string; readonly templateTime?: string | undefined },
): Promise<string | undefined> {
  const models = await modelsOf(contestants, resolve);
  requireClock(templateTime, models);
  if (models.every(({ tokenizer }) => tokenizer.chatTemplate?.clock === undefined)) return undefined;
  const path = join(output, FILE);
  const stored = existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  if (stored !== undefined && templateTime !== undefined && stored !== templateTime)
    throw badUsage({
      file: path,
      path: 'templateTime',
      message: `--template-time must be what the comparison began with, got ${templateTime} instead of ${stored}; leave it out, or choose another --output`,
    });
  const time = stored ?? templateTime ?? localTimeOf(new Date());
  if (stored === undefined) writeFileAtomic(path, `${time}\n`);
  return time;
}

type Named = { readonly name: string } & Pick<OpenedModel, 'tokenizer'>;

/** The models that can be opened; what is wrong with the others is told by whoever needs their weights. */
async function modelsOf(
  contestants: readonly Contestant[],
  resolve: (model: string) => Promise<string>,
): Promise<Named[]> {
  const models: Named[] = [];
  for (const contestant of contestants) {
    if (contestant.kind !== 'model') continue;
    try {
      const { tokenizer, files } = await openModel(await resolve(contestant.model), { withoutWeights: true });
      await files.close();
      models.push({ name: contestant.source, tokenizer });
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError)) throw thrown;
    }
  }
  return models;
}
