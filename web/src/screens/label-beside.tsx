import type { ReactNode } from 'react';
import type { Assignment } from '../label-api.ts';
import { textOf } from '../parts/conversation.tsx';

const FLAGS = [
  { flag: 'pii', text: 'Personal data' },
  { flag: 'unsafe', text: 'Unsafe' },
  { flag: 'broken', text: 'Broken' },
] as const;
export type Panel = 'note' | 'tags' | 'flag' | 'edit' | 'skip' | undefined;

/** What is written beside the choice, for one item. */
export interface Draft {
  readonly note: string;
  readonly tags: string;
  readonly flags: readonly string[];
  readonly edit: { readonly side: 'left' | 'right'; readonly text: string } | undefined;
  readonly skipReason: string;
}
export const NO_DRAFT: Draft = { note: '', tags: '', flags: [], edit: undefined, skipReason: '' };

/** What goes along with a choice. */
export function Beside({
  panel,
  draft,
  item,
  onChange,
  onSkip,
}: {
  readonly panel: Exclude<Panel, undefined>;
  readonly draft: Draft;
  readonly item: Assignment;
  readonly onChange: (draft: Draft) => void;
  readonly onSkip: () => void;
}): ReactNode {
  switch (panel) {
    case 'note':
      return (
        <label className="mt-2 block">
          Note, kept with your choice
          <textarea
            autoFocus
            className="field"
            value={draft.note}
            onChange={(event) => onChange({ ...draft, note: event.target.value })}
          />
        </label>
      );
    case 'tags':
      return (
        <label className="mt-2 block">
          Tags, with spaces between
          <input
            autoFocus
            className="field"
            value={draft.tags}
            onChange={(event) => onChange({ ...draft, tags: event.target.value })}
          />
        </label>
      );
    case 'flag':
      return (
        <fieldset className="mt-2">
          <legend className="quiet text-sm">Somebody looks at it before it is used</legend>
          {FLAGS.map(({ flag, text }, index) => (
            <label key={flag} className="mr-4 inline-flex min-h-11 items-center gap-2">
              <input
                type="checkbox"
                autoFocus={index === 0}
                checked={draft.flags.includes(flag)}
                onChange={(event) =>
                  onChange({
                    ...draft,
                    flags: event.target.checked ? [...draft.flags, flag] : draft.flags.filter((one) => one !== flag),
                  })
                }
              />
              {text}
            </label>
          ))}
        </fieldset>
      );
    case 'edit':
      return (
        <div className="mt-2">
          <div role="group" aria-label="Which answer to edit" className="mb-1 flex gap-2">
            {(['left', 'right'] as const).map((side) => (
              <button
                key={side}
                type="button"
                className="button"
                aria-pressed={draft.edit?.side === side}
                onClick={() => onChange({ ...draft, edit: { side, text: textOf(item[side].content) } })}
              >
                {side === 'left' ? 'Left' : 'Right'}
              </button>
            ))}
          </div>
          <label>
            How it should have been; then choose
            <textarea
              autoFocus
              className="field min-h-32"
              value={draft.edit?.text ?? ''}
              onChange={(event) =>
                onChange({ ...draft, edit: { side: draft.edit?.side ?? 'left', text: event.target.value } })
              }
            />
          </label>
        </div>
      );
    case 'skip':
      return (
        <form
          className="mt-2 flex flex-wrap items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            onSkip();
          }}
        >
          <label className="grow">
            Why
            <input
              autoFocus
              className="field"
              value={draft.skipReason}
              onChange={(event) => onChange({ ...draft, skipReason: event.target.value })}
              placeholder="cannot tell, not my subject"
            />
          </label>
          <button type="submit" className="button button-main">
            Skip it
          </button>
        </form>
      );
  }
}
