import { basename } from 'node:path';
import type { Problem } from '../../core/index.ts';
import type { JobRecord, Ledger } from '../../ledger/index.ts';
import { inRequestWords } from './request-words.ts';
import type { TrainableModel } from './trainable.ts';

/** Why a job failed, as OpenAI's object has it. */
export interface JobFault {
  readonly code: string;
  readonly message: string;
  /** The field of the request that is to blame. */
  readonly param: string | null;
}

const MOST_TOLD = 50;
const MOST_CHARACTERS = 8000;

/** The fields of a request by the names that their files have in the folder of a job. */
const FIELDS = { training: 'training_file', validation: 'validation_file' } as const;

/**
 * What a training that failed says to the client. Rows that are wrong are told with the file that they are in and their lines. What is wrong with a file of the server is its
 * operator's to know (`isOurs`).
 */
export function faultOf(
  { code, problems }: { readonly code: string; readonly problems: readonly Problem[] },
  { folder, clean }: { readonly folder: string; readonly clean: (message: string) => string },
): { readonly fault: JobFault; readonly isOurs: boolean } {
  const fieldOf = ({ file }: Problem): string | undefined => {
    const [name] = basename(file ?? '').split('.') as [string];
    return file !== undefined && file.startsWith(folder) ? FIELDS[name as keyof typeof FIELDS] : undefined;
  };
  const isInput = code === 'bad-input' || code === 'bad-usage';
  const field = problems.map(fieldOf).find((one) => one !== undefined);
  const isElsewhere = (problem: Problem): boolean =>
    problem.file !== undefined && !problem.file.startsWith(folder) && fieldOf(problem) === undefined;
  if (isInput && field === undefined && problems.some(isElsewhere))
    return {
      fault: {
        code: 'server_error',
        message: 'The model cannot be trained as the server has it; its log says why',
        param: 'model',
      },
      isOurs: true,
    };
  const told = problems.slice(0, MOST_TOLD).map((problem) => {
    const [at, { line, message }] = [fieldOf(problem), problem];
    const place = at === undefined ? '' : line === undefined ? `${at}: ` : `${at}, line ${line}: `;
    return `${place}${clean(message)}`;
  });
  const rest = problems.length - told.length;
  if (rest > 0) told.push(`... and ${rest} more`);
  return {
    fault: {
      code: field !== undefined ? `invalid_${field}` : isInput ? 'invalid_value' : 'training_failed',
      message: told.join('\n').slice(0, MOST_CHARACTERS),
      param: field ?? null,
    },
    isOurs: false,
  };
}

/** Messages as clients read them: with options of a request for flags, and without the folders of this machine: those of the job, of the store, and where the model lies. */
export function cleanerOf(
  { id, model: name }: JobRecord,
  { ledger, trainable }: { readonly ledger: Ledger; readonly trainable: (name: string) => TrainableModel },
): (message: string) => string {
  const places: (readonly [string, string])[] = [
    [`${ledger.folder}/jobs/${id}/`, ''],
    [`${ledger.folder}/jobs/${id}`, 'the job'],
    [ledger.folder, 'the store'],
  ];
  try {
    const { model, adapter } = trainable(name);
    places.unshift([model, name], ...(adapter === undefined ? [] : [[adapter, name] as const]));
  } catch {
    // The model is not served any more; nobody can name it.
  }
  return (message) => inRequestWords(places.reduce((text, [place, words]) => text.replaceAll(place, words), message));
}
