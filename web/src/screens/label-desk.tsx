import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import {
  heartbeat,
  nextItems,
  undo,
  vote,
  type Assignment,
  type Ballot,
  type CampaignSummary,
  type NextItems,
} from '../label-api.ts';
import { useActiveTime } from '../parts/active-time.ts';
import { Conversation, textOf } from '../parts/conversation.tsx';
import { Empty, Failure, Screen, Skeleton } from '../parts/frame.tsx';
import { Markdown } from '../parts/markdown.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';
import { WordDifferences } from '../parts/words.tsx';
import { Beside, NO_DRAFT, type Draft, type Panel } from './label-beside.tsx';

const BEAT_MS = 60_000;

const GRADES = [
  { key: '1', text: 'Left, much', name: 'Left is much better', side: 'left', strength: 2 },
  { key: '2', text: 'Left', name: 'Left is better', side: 'left', strength: 1 },
  { key: '3', text: 'Equal', name: 'Equally good', side: undefined, strength: undefined },
  { key: '4', text: 'Right', name: 'Right is better', side: 'right', strength: 1 },
  { key: '5', text: 'Right, much', name: 'Right is much better', side: 'right', strength: 2 },
] as const;
const KEYS = [
  ['1 to 5', 'left much better, left, equal, right, right much better'],
  ['0', 'both bad'],
  ['e', 'edit the better answer'],
  ['n', 'note'],
  ['t', 'tags'],
  ['f', 'flag'],
  ['s', 'skip'],
  ['u', 'take the last one back'],
  ['d', 'differences'],
  ['m', 'Markdown or plain text'],
  ['g', 'guidelines'],
  ['?', 'these keys'],
] as const;

/** An item after the other, by keys, by hand or by touch. */
export function Desk({ campaign }: { readonly campaign: CampaignSummary }): ReactNode {
  const [items, setItems] = useState<readonly Assignment[]>();
  const [state, setState] = useState<Pick<NextItems, 'nothing' | 'done_by_you'>>({ nothing: null, done_by_you: 0 });
  const [error, setError] = useState<unknown>();
  const [draft, setDraft] = useState<Draft>(NO_DRAFT);
  const [panel, setPanel] = useState<Panel>();
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const [areGuidelinesOpen, setAreGuidelinesOpen] = useState(campaign.votes === 0);
  const [view, setView] = useState<'markdown' | 'plain' | 'differences'>('markdown');
  const time = useActiveTime();
  const item = items?.[0];
  const heading = useRef<HTMLHeadingElement>(null);

  const fetchItems = async (): Promise<void> => {
    try {
      const next = await nextItems(campaign.id, 2);
      setItems(next.data);
      setState(next);
      setError(undefined);
    } catch (thrown) {
      setError(thrown);
    }
  };
  useEffect(() => void fetchItems(), [campaign.id]);
  // A new item: its time, its draft, and the screen reader at its beginning.
  useEffect(() => {
    time.reset();
    setDraft(NO_DRAFT);
    setPanel(undefined);
    scrollTo({ top: 0 });
    heading.current?.focus();
  }, [item?.item_id]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (items === undefined || items.length === 0) return;
      const [first, ...others] = items.map((one) => ({ id: one.reservation_id, seconds: 0 }));
      heartbeat(campaign.id, [{ ...first!, seconds: time.seconds() }, ...others]).catch(() => undefined);
    }, BEAT_MS);
    return () => clearInterval(timer);
  }, [items]);

  const send = (ballot: Omit<Ballot, 'seconds'>): void => {
    if (item === undefined) return;
    const tags = draft.tags.split(/[\s,]+/).filter(Boolean);
    const { edit } = draft;
    const whole: Ballot = {
      ...ballot,
      ...(draft.note.trim() !== '' && { note: draft.note }),
      ...(tags.length > 0 && { tags }),
      ...(draft.flags.length > 0 && { flags: draft.flags }),
      ...(edit !== undefined &&
        edit.text.trim() !== '' && { edit: { answer_id: item[edit.side].id, text: edit.text } }),
      seconds: time.seconds(),
    };
    const before = items;
    // The next one at once; what was chosen goes on its way meanwhile.
    setItems(items?.slice(1));
    vote(campaign.id, item, whole).then(
      () => void fetchItems(),
      (thrown: unknown) => {
        tellFailure(thrown);
        setItems(before);
      },
    );
  };
  const grade = ({ side, strength }: (typeof GRADES)[number]): void => {
    if (item === undefined) return;
    send(side === undefined ? { verdict: 'tie' } : { verdict: 'better', better_id: item[side].id, strength });
  };
  const takeBack = (): void => {
    undo(campaign.id).then((back) => {
      setItems([back, ...(items ?? []).filter((one) => one.item_id !== back.item_id)]);
      tell('The last one is here again.');
    }, tellFailure);
  };
  const openEdit = (): void => {
    if (item === undefined) return;
    setPanel('edit');
    setDraft((now) => ({ ...now, edit: now.edit ?? { side: 'left', text: textOf(item.left.content) } }));
  };

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.key === 'Escape') {
        setPanel(undefined);
        setIsHelpOpen(false);
        target.blur();
        return;
      }
      // In a field letters are letters.
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
      const chosen = GRADES.find(({ key }) => key === event.key);
      const acts: Readonly<Record<string, () => void>> = {
        '0': () => send({ verdict: 'both_bad' }),
        e: openEdit,
        n: () => setPanel('note'),
        t: () => setPanel('tags'),
        f: () => setPanel('flag'),
        s: () => setPanel('skip'),
        u: takeBack,
        d: () => setView(view === 'differences' ? 'markdown' : 'differences'),
        m: () => setView(view === 'plain' ? 'markdown' : 'plain'),
        g: () => setAreGuidelinesOpen(!areGuidelinesOpen),
        '?': () => setIsHelpOpen(!isHelpOpen),
      };
      const act = chosen === undefined ? acts[event.key] : () => grade(chosen);
      if (act === undefined || event.repeat) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });

  return (
    <Screen
      title={campaign.name}
      what={`Which answer is better? ${state.done_by_you} done by you, ${campaign.done} of ${campaign.items} by all.`}
      actions={
        <>
          <button
            type="button"
            className="button"
            aria-expanded={areGuidelinesOpen}
            onClick={() => setAreGuidelinesOpen(!areGuidelinesOpen)}
          >
            Guidelines <kbd>g</kbd>
          </button>
          <button
            type="button"
            className="button"
            aria-expanded={isHelpOpen}
            onClick={() => setIsHelpOpen(!isHelpOpen)}
          >
            Keys <kbd>?</kbd>
          </button>
          <button type="button" className="button" onClick={takeBack}>
            Undo <kbd>u</kbd>
          </button>
        </>
      }
    >
      {isHelpOpen && (
        <dl className="card mb-4 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
          {KEYS.map(([key, what]) => (
            <div key={key} className="contents">
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      )}
      {areGuidelinesOpen && (
        <section aria-label="Guidelines" className="card mb-4">
          <Markdown text={campaign.guidelines.text} />
        </section>
      )}
      {error !== undefined ? (
        <Failure error={error} again={() => void fetchItems()} />
      ) : items === undefined ? (
        <Skeleton rows={5} />
      ) : item === undefined ? (
        state.nothing === null ? (
          <Skeleton rows={5} />
        ) : (
          <Empty
            title={
              {
                closed: 'This campaign is closed',
                nothing_for_you: 'Nothing more for you',
                all_done: 'Everything is done',
              }[state.nothing]
            }
          >
            Thank you. <Link to="/campaigns">See how it went</Link>
          </Empty>
        )
      ) : (
        <>
          <h2 ref={heading} tabIndex={-1} className="sr-only">
            Two answers to compare
          </h2>
          <section
            aria-label="What was asked"
            className="sticky top-0 z-10 mb-4 max-h-[40dvh] overflow-y-auto rounded-xl border border-line bg-card px-5 py-3 max-md:top-16"
            tabIndex={0}
          >
            <Conversation content={item.prompt} />
          </section>
          <div className="grid gap-4 min-[900px]:grid-cols-2">
            {(['left', 'right'] as const).map((side) => (
              <article
                key={side}
                aria-label={side === 'left' ? 'Left answer' : 'Right answer'}
                className="card min-w-0"
              >
                <p className={`mb-1 text-sm font-medium ${side === 'left' ? 'text-left-answer' : 'text-right-answer'}`}>
                  {side === 'left' ? 'Left' : 'Right'}
                </p>
                {view === 'differences' ? (
                  <WordDifferences
                    text={textOf(item[side].content)}
                    other={textOf(item[side === 'left' ? 'right' : 'left'].content)}
                  />
                ) : view === 'plain' ? (
                  <p className="whitespace-pre-wrap">{textOf(item[side].content)}</p>
                ) : (
                  <Markdown text={textOf(item[side].content)} />
                )}
              </article>
            ))}
          </div>
          <div className="sticky bottom-0 z-10 -mx-4 mt-4 border-t border-line bg-paper px-4 py-3 sm:-mx-8 sm:px-8">
            <div role="group" aria-label="Which is better" className="grid grid-cols-5 gap-1.5">
              {GRADES.map((one) => (
                <button
                  key={one.key}
                  type="button"
                  className="button min-h-11! flex-col gap-0! px-1! text-sm sm:text-base"
                  aria-label={one.name}
                  aria-keyshortcuts={one.key}
                  onClick={() => grade(one)}
                >
                  {one.text}
                  <kbd aria-hidden="true" className="max-sm:hidden">
                    {one.key}
                  </kbd>
                </button>
              ))}
            </div>
            <div className="mt-1.5 flex flex-wrap gap-1.5">
              <button
                type="button"
                className="button min-h-11!"
                aria-keyshortcuts="0"
                onClick={() => send({ verdict: 'both_bad' })}
              >
                Both bad
              </button>
              <button
                type="button"
                className="button min-h-11!"
                aria-keyshortcuts="e"
                aria-expanded={panel === 'edit'}
                onClick={openEdit}
              >
                Edit
              </button>
              {(['note', 'tags', 'flag', 'skip'] as const).map((one) => (
                <button
                  key={one}
                  type="button"
                  className="button min-h-11!"
                  aria-keyshortcuts={one[0]}
                  aria-expanded={panel === one}
                  onClick={() => setPanel(panel === one ? undefined : one)}
                >
                  {{ note: 'Note', tags: 'Tags', flag: 'Flag', skip: 'Skip' }[one]}
                </button>
              ))}
            </div>
            {panel !== undefined && (
              <Beside
                panel={panel}
                draft={draft}
                item={item}
                onChange={setDraft}
                onSkip={() => send({ verdict: 'skip', skip_reason: draft.skipReason || 'not said' })}
              />
            )}
          </div>
        </>
      )}
    </Screen>
  );
}
