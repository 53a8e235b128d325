/** Why a question got no answer that can be used. */
export type NoAnswerReason = 'refusal' | 'unreadable' | 'cut' | 'too-long';
