export {
  createFeedback,
  type FeedbackAbout,
  type FeedbackClient,
  type FeedbackClientOptions,
  type FeedbackExtras,
  type FeedbackOutcome,
} from './create-feedback.ts';
