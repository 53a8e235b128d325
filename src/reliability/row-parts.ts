import { hashText, pairOfRanking, promptKey, type Content, type DataRow } from '../data/index.ts';

/** Prompt, the better (or only) answer and the worse one, whatever kind the row is. */
export interface RowParts {
  readonly prompt: Content;
  readonly first: Content;
  readonly second: Content | undefined;
  readonly isTie: boolean;
}

export function partsOf(event: DataRow): RowParts {
  switch (event.kind) {
    case 'pair': {
      const { prompt, chosen, rejected, meta } = event.row;
      const isTie = meta?.margin === 0 || (meta?.chosenScore !== undefined && meta.chosenScore === meta.rejectedScore);
      return { prompt, first: chosen, second: rejected, isTie };
    }
    case 'ranking': {
      const { prompt, answers } = event.row;
      const pair = pairOfRanking(event.row);
      if (pair !== undefined) return { prompt, first: pair.chosen, second: pair.rejected, isTie: false };
      return { prompt, first: answers[0]?.content ?? '', second: answers[1]?.content, isTie: true };
    }
    default:
      return { prompt: event.row.prompt, first: event.row.completion, second: undefined, isTie: false };
  }
}

/** The text of a part: of a conversation its turns' contents, one after the other. */
export function textOf(content: Content): string {
  return typeof content === 'string' ? content : content.map((turn) => turn.content).join('\n');
}

/** The text of a part's last turn. */
export function lastTurn(content: Content): string {
  return typeof content === 'string' ? content : (content.at(-1)?.content ?? '');
}

/** 53 bits of the hash of what makes two parts the same; never 0. */
export function keyOf(content: Content): number {
  const [high, low] = hashText(promptKey(content));
  return high * 2 ** 21 + (low >>> 11) || 1;
}
