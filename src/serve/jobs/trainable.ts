import type { ModelBook } from '../models/model-book.ts';
import { ServeError } from '../serve-error.ts';

/** What a job trains: the base by the name and by what a user would type, and the adapter that it goes on with. */
export interface TrainableModel {
  readonly base: string;
  readonly model: string;
  readonly adapter?: string | undefined;
}

/** What a name of the server trains: the model itself, or its base and the adapter that is gone on with. Throws ServeError 400 and 404. */
export function trainableModel(book: ModelBook, name: string): TrainableModel {
  const version = book.find(name);
  if (version === undefined)
    throw new ServeError(404, `The model ${JSON.stringify(name)} does not exist here`, {
      code: 'model_not_found',
      param: 'model',
      type: 'invalid_request_error',
    });
  if (version.kind === 'upstream')
    throw new ServeError(400, `model: ${name} is a model of another server and cannot be trained here`, {
      param: 'model',
    });
  if (version.parent === undefined) return { base: version.name, model: version.root };
  const base = book.find(version.parent);
  if (base === undefined)
    throw new ServeError(400, `model: the base of ${name}, ${version.parent}, is not served any more`, {
      param: 'model',
    });
  return { base: base.name, model: base.root, adapter: version.root };
}
