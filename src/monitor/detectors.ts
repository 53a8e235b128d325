import type { Detector, DetectorName } from './finding.ts';
import {
  DEAD_ADAPTER,
  ENTROPY_COLLAPSE,
  GRADIENT_SPIKES,
  OVERFITTING,
  RATE_TOO_HIGH,
  RATE_TOO_LOW,
} from './optimisation-detectors.ts';
import { CHOSEN_FALLING, KL, LENGTH, REJECTED_ALONE, WRONG_REFERENCE } from './reward-detectors.ts';

export const DETECTORS: Readonly<Record<DetectorName, Detector>> = {
  'chosen-falling': CHOSEN_FALLING,
  'rejected-alone': REJECTED_ALONE,
  overfitting: OVERFITTING,
  length: LENGTH,
  kl: KL,
  'gradient-spikes': GRADIENT_SPIKES,
  'dead-adapter': DEAD_ADAPTER,
  'wrong-reference': WRONG_REFERENCE,
  'learning-rate-too-high': RATE_TOO_HIGH,
  'learning-rate-too-low': RATE_TOO_LOW,
  'entropy-collapse': ENTROPY_COLLAPSE,
};
