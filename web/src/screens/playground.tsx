import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useRef, useState, type ReactNode } from 'react';
import { api, askUntyped } from '../api.ts';
import { modelsQuery } from '../data.ts';
import { Empty, Failure, Screen } from '../parts/frame.tsx';
import { Markdown } from '../parts/markdown.tsx';
import { tell, tellFailure } from '../parts/notices.tsx';
import { Tokens, type TokenLogprob } from '../parts/tokens.tsx';
import { WordDifferences } from '../parts/words.tsx';

interface Answer {
  readonly model: string;
  readonly id: string | undefined;
  readonly text: string;
  readonly tokens: readonly TokenLogprob[];
  readonly isDone: boolean;
  readonly error?: unknown;
}

interface Turn {
  readonly prompt: string;
  /** As they stand on the screen: left, right. */
  readonly answers: readonly Answer[];
  readonly isBlind: boolean;
  readonly choice?: Choice;
}

type Choice = 'left' | 'right' | 'tie' | 'both_bad';
type View = 'text' | 'differences' | 'tokens';

const route = getRouteApi('/playground');

/** Two models answer the same words; a person says which answer is better before the names are told. */
export function Playground(): ReactNode {
  const { a, b } = route.useSearch();
  const navigate = route.useNavigate();
  const models = useQuery(modelsQuery);
  const names = models.data?.data.map(({ id }) => id) ?? [];
  const first = a ?? names[0];
  const second = b ?? '';
  const [prompt, setPrompt] = useState('');
  const [system, setSystem] = useState('');
  const [temperature, setTemperature] = useState('0.7');
  const [isBlind, setIsBlind] = useState(true);
  const [view, setView] = useState<View>('text');
  const [turn, setTurn] = useState<Turn>();
  const running = useRef<AbortController>(undefined);
  const isRunning = turn !== undefined && turn.answers.some((answer) => !answer.isDone);

  const send = async (): Promise<void> => {
    if (first === undefined || prompt.trim() === '' || isRunning) return;
    const wanted = second === '' ? [first] : [first, second];
    if (wanted.length === 2 && isBlind && crypto.getRandomValues(new Uint8Array(1))[0]! % 2 === 1) wanted.reverse();
    const control = new AbortController();
    running.current = control;
    const empty = { id: undefined, text: '', tokens: [], isDone: false };
    setTurn({ prompt, isBlind: isBlind && wanted.length === 2, answers: wanted.map((model) => ({ ...empty, model })) });
    const set = (place: number, change: (answer: Answer) => Answer): void =>
      setTurn(
        (now) => now && { ...now, answers: now.answers.map((answer, at) => (at === place ? change(answer) : answer)) },
      );
    await Promise.all(
      wanted.map(async (model, place) => {
        try {
          const body = {
            model,
            messages: [
              ...(system.trim() === '' ? [] : [{ role: 'system' as const, content: system }]),
              { role: 'user' as const, content: prompt },
            ],
            temperature: Number(temperature),
            logprobs: true,
            top_logprobs: 5,
          };
          for await (const { id, choices } of api.stream('/v1/chat/completions', { body, signal: control.signal })) {
            const [choice] = choices;
            if (choice === undefined) continue;
            set(place, (answer) => ({
              ...answer,
              id,
              text: answer.text + (choice.delta.content ?? ''),
              tokens: [...answer.tokens, ...(choice.logprobs?.content ?? [])],
            }));
          }
          set(place, (answer) => ({ ...answer, isDone: true }));
        } catch (error) {
          set(place, (answer) => ({ ...answer, isDone: true, ...(!control.signal.aborted && { error }) }));
        }
      }),
    );
  };

  const choose = (choice: Choice): void => {
    if (turn === undefined) return;
    setTurn({ ...turn, choice });
    const [left, right] = turn.answers.map(({ id }) => id);
    askUntyped('POST', '/v1/preftune/feedback', {
      kind: 'comparison',
      a: { inference_id: left },
      b: { inference_id: right },
      value: { left: 'a', right: 'b', tie: 'tie', both_bad: 'both_bad' }[choice],
      left: 'a',
    }).then(() => tell('Kept. The names are told now.'), tellFailure);
  };

  const areHidden = turn?.isBlind === true && turn.choice === undefined;
  const isWaiting = turn?.isBlind === true && isRunning;
  return (
    <Screen
      title="Playground"
      what="Write to a model, or to two at once without knowing which is which, and say which answer is better."
    >
      <form
        className="card mb-6 flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <div className="grid gap-3 sm:grid-cols-2">
          <label>
            Model
            <select
              className="field"
              value={first ?? ''}
              onChange={(event) =>
                void navigate({ search: (old) => ({ ...old, a: event.target.value }), replace: true })
              }
            >
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            Beside
            <select
              className="field"
              value={second}
              onChange={(event) =>
                void navigate({ search: (old) => ({ ...old, b: event.target.value }), replace: true })
              }
            >
              <option value="">nothing</option>
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        </div>
        <label>
          Your words
          <textarea
            className="field min-h-24"
            value={prompt}
            onChange={(event) => setPrompt(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void send();
            }}
          />
        </label>
        <details>
          <summary className="quiet">Instructions, temperature, names</summary>
          <div className="mt-3 grid gap-3 sm:grid-cols-[1fr_8rem]">
            <label>
              Instructions (system)
              <textarea className="field" value={system} onChange={(event) => setSystem(event.target.value)} />
            </label>
            <label>
              Temperature
              <input
                className="field"
                type="number"
                min="0"
                max="2"
                step="0.1"
                value={temperature}
                onChange={(event) => setTemperature(event.target.value)}
              />
            </label>
          </div>
          <label className="mt-3 flex items-center gap-2">
            <input type="checkbox" checked={isBlind} onChange={(event) => setIsBlind(event.target.checked)} />
            Hide the names until I have chosen
          </label>
        </details>
        <div className="flex items-center gap-3">
          <button
            type="submit"
            className="button button-main"
            disabled={isRunning || first === undefined || prompt.trim() === ''}
          >
            Send
          </button>
          {isRunning && (
            <button type="button" className="button" onClick={() => running.current?.abort()}>
              Stop
            </button>
          )}
          <span className="quiet text-sm">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> sends
          </span>
        </div>
      </form>
      {models.error !== null && <Failure error={models.error} again={() => void models.refetch()} />}
      {turn === undefined ? (
        <Empty title="No answer yet">
          Answers come here. What you choose becomes a pair that a model can learn from.
        </Empty>
      ) : (
        <>
          <div role="group" aria-label="How answers are shown" className="mb-3 flex gap-2">
            {(['text', 'differences', 'tokens'] as const).map((one) => (
              <button
                key={one}
                type="button"
                className="button"
                aria-pressed={view === one}
                disabled={one === 'differences' && turn.answers.length < 2}
                onClick={() => setView(one)}
              >
                {{ text: 'Text', differences: 'Differences', tokens: 'Token probabilities' }[one]}
              </button>
            ))}
          </div>
          <div className="grid items-start gap-4 lg:grid-cols-2">
            {turn.answers.map((answer, place) => (
              <article key={place} className={`card ${turn.answers.length === 1 ? 'lg:col-span-2' : ''}`}>
                <h2 className="mb-2 font-semibold">{areHidden ? ['Left', 'Right'][place] : answer.model}</h2>
                {answer.error !== undefined && <Failure error={answer.error} />}
                {isWaiting ? (
                  <p className="quiet" role="status">
                    Both are shown when both are done, so that speed does not choose.
                  </p>
                ) : view === 'tokens' ? (
                  <Tokens tokens={answer.tokens} />
                ) : view === 'differences' && turn.answers.length === 2 ? (
                  <WordDifferences text={answer.text} other={turn.answers[1 - place]!.text} />
                ) : (
                  <Markdown text={answer.text} />
                )}
                {turn.answers.length === 1 && answer.isDone && answer.id !== undefined && (
                  <Thumbs id={answer.id} text={answer.text} />
                )}
              </article>
            ))}
          </div>
          {turn.answers.length === 2 && !isRunning && (
            <div className="mt-4 flex flex-wrap gap-2" role="group" aria-label="Which answer is better">
              {(['left', 'tie', 'right', 'both_bad'] as const).map((choice) => (
                <button
                  key={choice}
                  type="button"
                  className={`button ${turn.choice === choice ? 'button-main' : ''}`}
                  disabled={turn.choice !== undefined}
                  onClick={() => choose(choice)}
                >
                  {{ left: 'Left is better', right: 'Right is better', tie: 'Equal', both_bad: 'Both bad' }[choice]}
                </button>
              ))}
            </div>
          )}
        </>
      )}
    </Screen>
  );
}

/** Good, bad, or how it should have been. */
function Thumbs({ id, text }: { readonly id: string; readonly text: string }): ReactNode {
  const [given, setGiven] = useState<boolean>();
  const [edit, setEdit] = useState<string>();
  const thumb = (value: boolean): void => {
    setGiven(value);
    askUntyped('POST', '/v1/preftune/feedback', { kind: 'thumb', inference_id: id, value }).then(
      () => tell('Kept, thank you.'),
      tellFailure,
    );
  };
  return (
    <div className="mt-4 border-t border-line pt-3">
      <div className="flex flex-wrap gap-2">
        <button type="button" className="button" aria-pressed={given === true} onClick={() => thumb(true)}>
          Good
        </button>
        <button type="button" className="button" aria-pressed={given === false} onClick={() => thumb(false)}>
          Bad
        </button>
        <button
          type="button"
          className="button"
          aria-expanded={edit !== undefined}
          onClick={() => setEdit(edit === undefined ? text : undefined)}
        >
          Edit
        </button>
      </div>
      {edit !== undefined && (
        <form
          className="mt-3 flex flex-col gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            askUntyped('POST', '/v1/preftune/feedback', { kind: 'edit', inference_id: id, value: edit }).then(() => {
              setEdit(undefined);
              tell('Kept: your words over the model’s.');
            }, tellFailure);
          }}
        >
          <label>
            How it should have been
            <textarea className="field min-h-32" value={edit} onChange={(event) => setEdit(event.target.value)} />
          </label>
          <button
            type="submit"
            className="button button-main self-start"
            disabled={edit.trim() === '' || edit === text}
          >
            Keep
          </button>
        </form>
      )}
    </div>
  );
}
