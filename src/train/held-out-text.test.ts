import { expect, test } from 'vitest';
import { accuracyIntervalText, heldOutDoubts } from './held-out-text.ts';

const START = { 'rewards/accuracies': 0.5, pairs: 10, 'logps/chosen': -50, 'logps/rejected': -60 };

test('an accuracy stands with its interval and its pairs', () => {
  expect(accuracyIntervalText({ ...START, 'rewards/accuracies': 1 })).toBe('95 %: 72-100 %, 10 pairs');
  expect(accuracyIntervalText({ loss: 1 })).toBe(undefined);
});

test('all of ten pairs in order after four steps: the margin has hardly moved', () => {
  const end = { ...START, 'rewards/accuracies': 1, 'logps/rejected': -60.0089 };
  expect(heldOutDoubts(START, end)).toEqual([
    'the margin moved by 0.009 nats an answer, too little to change what is answered',
  ]);
});

test('three pairs say nothing whatever the margin; a hundred of which 70 are in order need no word', () => {
  const few = { ...START, pairs: 3, 'rewards/accuracies': 1, 'logps/rejected': -70 };
  expect(heldOutDoubts(START, few)).toEqual(['3 pairs do not tell this accuracy from that of a coin']);
  expect(heldOutDoubts(START, { ...few, pairs: 100, 'rewards/accuracies': 0.7 })).toEqual([]);
  expect(heldOutDoubts({ loss: 2 }, { loss: 1 })).toEqual([]);
});
