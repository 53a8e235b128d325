export { createQuickstartSampler, type AnswerCounts } from './answers.ts';
export { WORLD } from './knowledge/world.ts';
export { quickstartPairs, type QuickstartPair } from './pairs.ts';
export {
  askFact,
  exchange,
  factRow,
  heldOutPhrasing,
  isHeldOutFact,
  relationTable,
  trainedPhrasings,
  type Fact,
  type Relation,
} from './relation.ts';
export { answerFact, curtAnswer, friendlyAnswer, pick, wrapFriendly, type Style } from './styles.ts';
export { fillTemplate, type Row } from './template.ts';
