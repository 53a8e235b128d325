export { evidenceOfComparison } from './comparison-evidence.ts';
export {
  GATE_LIMITS,
  judgeGate,
  type GateCheck,
  type GateEvidence,
  type GateLimits,
  type GateVerdict,
} from './gate.ts';
export { openLoop, PRODUCTION, type Act, type Loop } from './open-loop.ts';
export { dropSnapshot, markUse, readSnapshot, takeSnapshot, type Snapshot, type SnapshotOptions } from './snapshot.ts';
export { answerLoopRequest, LOOP_REQUEST, type LoopRequest } from './requests.ts';
export { CANDIDATE_STATES, mayMove, MOVES, type CandidateState } from './states.ts';
export type { Candidate, CandidateMove, Promotion } from './candidate.ts';
