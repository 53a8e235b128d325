import { diffWordsWithSpace } from 'diff';
import { useMemo, type ReactNode } from 'react';

/** A text with what it has and the other has not marked. */
export function WordDifferences({ text, other }: { readonly text: string; readonly other: string }): ReactNode {
  const parts = useMemo(
    // Two whole books would keep the page from answering.
    () => (text.length + other.length > 40_000 ? undefined : diffWordsWithSpace(other, text)),
    [text, other],
  );
  return (
    <p className="whitespace-pre-wrap">
      {parts === undefined
        ? text
        : parts.map((part, index) =>
            part.removed ? null : part.added ? <ins key={index}>{part.value}</ins> : part.value,
          )}
    </p>
  );
}
