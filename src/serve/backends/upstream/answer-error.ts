/** What a server sent that is no answer and cannot be made one. */
export class AnswerError extends Error {
  /** It stopped in the middle; asking again may help. */
  readonly isTorn: boolean;

  constructor(message: string, { isTorn = false }: { readonly isTorn?: boolean } = {}) {
    super(message);
    this.isTorn = isTorn;
  }
}
