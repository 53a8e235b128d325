import type { Context } from 'hono';
import type { Campaign, Labelling } from '../../labelling/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import { ServeError } from '../serve-error.ts';

/** What the routes of labelling need. */
export interface LabelContext {
  readonly labelling: Labelling;
  readonly ledger: Ledger;
  campaign(id: string): Promise<Campaign>;
  /** HMAC of who labels. Throws ServeError where nobody said. */
  annotator(context: Context, named: string | undefined): string;
  /** The same, or undefined. */
  whoever(context: Context): string | undefined;
}

export function createLabelContext(ledger: Ledger, labelling: Labelling): LabelContext {
  const { hashUser } = ledger.room;
  return {
    labelling,
    ledger,
    async campaign(id) {
      const found = await labelling.campaigns.get(id);
      if (found !== undefined) return found;
      throw new ServeError(404, `There is no campaign ${JSON.stringify(id.slice(0, 100))} here`, {
        code: 'not_found',
        param: 'campaign',
      });
    },
    annotator(context, named) {
      const { session } = context.get('caller');
      if (session === undefined) {
        if (named !== undefined) return hashUser(named);
        throw new ServeError(400, 'annotator: must name who labels, where no session of the page does', {
          code: 'no_annotator',
          param: 'annotator',
        });
      }
      if (session.annotator === undefined)
        throw new ServeError(400, 'The session must have a name first (PUT /v1/preftune/session)', {
          code: 'no_annotator',
          param: 'annotator',
        });
      if (named !== undefined && hashUser(named) !== session.annotator.hash)
        throw new ServeError(403, 'A session labels under its own name alone', {
          code: 'other_annotator',
          param: 'annotator',
        });
      return session.annotator.hash;
    },
    whoever: (context) => context.get('caller').session?.annotator?.hash,
  };
}

/** Who did it, for the audit log. */
export function actorOf(context: Context): string {
  return context.get('caller').keyId ?? 'local';
}

/** Votes and skips of a person. */
export async function doneBy(labelling: Labelling, campaign: Campaign, who: string): Promise<number> {
  const { votes, skips } = await labelling.mine(campaign, who);
  return votes + skips;
}
