import type { CommandEntry } from './frame/command.ts';

/** Every command, in the order of --help. Its code is loaded when it is asked for. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'quickstart',
    description: 'Teaches a small model to be friendly, in about a minute, offline: see what preftune does',
    load: async () => (await import('./quickstart.ts')).QUICKSTART,
  },
  {
    name: 'init',
    description: 'Writes a folder to begin in: explained settings, ten sample pairs, and what to type',
    load: async () => (await import('./start/init.ts')).INIT,
  },
  {
    name: 'dpo',
    description: 'Trains a model on pairs of answers, the better one against the worse',
    load: async () => (await import('./training/dpo.ts')).DPO,
  },
  {
    name: 'sweep',
    description: 'Trains a grid of dpo runs, such as several betas and learning rates, and compares them',
    load: async () => (await import('./training/sweep.ts')).SWEEP,
  },
  {
    name: 'sft',
    description: 'Trains a model on answers to prompts, or on plain text',
    load: async () => (await import('./training/sft.ts')).SFT,
  },
  {
    name: 'compare',
    description: 'Compares models by their answers: win rates with intervals, a verdict, a report',
    load: async () => (await import('./compare.ts')).COMPARE,
  },
  {
    name: 'evaluate',
    description: 'Measures how far a model went from its reference, how its answers changed, and what it lost',
    load: async () => (await import('./evaluate.ts')).EVALUATE,
  },
  {
    name: 'diagnose',
    description: "Says what went wrong in a run, ours or TRL's, by its metrics, and what to change",
    load: async () => (await import('./diagnose.ts')).DIAGNOSE,
  },
  {
    name: 'score',
    description: 'Prints log-probabilities and implicit rewards of pairs of answers, one JSON object a row',
    load: async () => (await import('./score.ts')).SCORE,
  },
  {
    name: 'generate',
    description: 'Answers prompts with a model and, if there is one, its adapter',
    load: async () => (await import('./generate.ts')).GENERATE,
  },
  {
    name: 'chat',
    description: 'Talks with a model in the terminal',
    load: async () => (await import('./chat.ts')).CHAT,
  },
  {
    name: 'serve',
    description: "Answers OpenAI's API: chats, adapters that come and go, fine-tuning jobs; remembers what it answered",
    load: async () => (await import('./serving/serve.ts')).SERVE,
  },
  {
    name: 'label',
    description: 'Opens a page on which people compare the answers of rows; run again, it goes on where it stopped',
    load: async () => (await import('./live/label.ts')).LABEL,
  },
  {
    name: 'campaign list',
    description: 'Lists the campaigns of a store: items, votes, what waits for a decision',
    load: async () => (await import('./live/campaign.ts')).CAMPAIGN_LIST,
  },
  {
    name: 'campaign export',
    description: 'Writes what people said as JSON Lines: votes, pairs for dpo, demonstrations for sft',
    load: async () => (await import('./live/campaign.ts')).CAMPAIGN_EXPORT,
  },
  {
    name: 'campaign panel',
    description: 'Shows how people label: agreement, known answers, sides, lengths, time, with 95 % intervals',
    load: async () => (await import('./live/campaign.ts')).CAMPAIGN_PANEL,
  },
  {
    name: 'deploy hf',
    description: 'Puts a model behind an endpoint of Hugging Face: creates, updates, watches, removes it',
    load: async () => (await import('./deploy/deploy-hf.ts')).DEPLOY_HF,
  },
  {
    name: 'deploy azure',
    description:
      'Puts a model behind an online endpoint of Azure ML; the old deployment answers until the new one does',
    load: async () => (await import('./deploy/deploy-azure.ts')).DEPLOY_AZURE,
  },
  {
    name: 'deploy write',
    description: 'Writes what a deployment needs: Dockerfile, compose, systemd, settings of hf and azure',
    load: async () => (await import('./deploy/deploy-write.ts')).DEPLOY_WRITE,
  },
  {
    name: 'export',
    description: 'Hands a trained model over: Hugging Face, PEFT, GGUF, ONNX, Ollama; verified',
    load: async () => (await import('./export.ts')).EXPORT,
  },
  {
    name: 'data check',
    description: 'Reads data and says what is wrong with it, whether it can be trusted, and how it becomes tokens',
    load: async () => (await import('./data/data-check.ts')).DATA_CHECK,
  },
  {
    name: 'data clean',
    description: 'Removes or masks what data check found, and writes down what went and why',
    load: async () => (await import('./data/data-clean.ts')).DATA_CLEAN,
  },
  {
    name: 'data stats',
    description: 'Says what is in data: rows, lengths, repeats, how often the better answer is the longer one',
    load: async () => (await import('./data/data-check.ts')).DATA_STATS,
  },
  {
    name: 'data split',
    description: 'Sets a part of the prompts aside for evaluation; no prompt stands on both sides',
    load: async () => (await import('./data/data-split.ts')).DATA_SPLIT,
  },
  {
    name: 'data convert',
    description: 'Writes data in another format, and says what that format cannot hold',
    load: async () => (await import('./data/data-convert.ts')).DATA_CONVERT,
  },
  {
    name: 'data build',
    description: 'Makes pairs from ratings, rankings, votes, edits, thumbs, samples of a model, or judges',
    load: async () => (await import('./data/data-build.ts')).DATA_BUILD,
  },
  {
    name: 'judge',
    description: 'Measures judges against people: agreement, kappa, bias for places, lengths and themselves',
    load: async () => (await import('./judge.ts')).JUDGE,
  },
  {
    name: 'store export',
    description: 'Writes what a store keeps as JSON Lines: requests and answers, rows to train on, jobs, the audit log',
    load: async () => (await import('./store/store-export.ts')).STORE_EXPORT,
  },
  {
    name: 'store check',
    description: 'Says whether a store is whole: the database, the audit log, the uploaded files',
    load: async () => (await import('./store/store-care.ts')).STORE_CHECK,
  },
  {
    name: 'store vacuum',
    description: 'Rewrites the database of a store without the holes that deleted rows left',
    load: async () => (await import('./store/store-care.ts')).STORE_VACUUM,
  },
  {
    name: 'store backup',
    description: 'Copies a store into one file (tar), also while a server works on it',
    load: async () => (await import('./store/store-backup.ts')).STORE_BACKUP,
  },
  {
    name: 'store restore',
    description: 'Makes a store from a backup, in a new folder; it is there whole or not at all',
    load: async () => (await import('./store/store-backup.ts')).STORE_RESTORE,
  },
  {
    name: 'store user',
    description: 'Writes all that a store keeps of a user as JSON Lines, for who asks what it is',
    load: async () => (await import('./store/store-user.ts')).STORE_USER,
  },
  {
    name: 'store erase',
    description: 'Erases all that a store keeps of a user, from the file and its log, also while a server works on it',
    load: async () => (await import('./store/store-user.ts')).STORE_ERASE,
  },
  {
    name: 'feedback list',
    description: 'Lists what people said of answers: thumbs, ratings, edits, comparisons',
    load: async () => (await import('./live/feedback.ts')).FEEDBACK_LIST,
  },
  {
    name: 'feedback rows',
    description: 'Makes rows to train on of what people said, writes them, and says what became none and why',
    load: async () => (await import('./live/feedback.ts')).FEEDBACK_ROWS,
  },
  {
    name: 'feedback review',
    description: 'Shows the rows that wait for somebody to look at them, and approves or rejects them',
    load: async () => (await import('./live/feedback.ts')).FEEDBACK_REVIEW,
  },
  {
    name: 'keys create',
    description: 'Makes a key for a server and shows it, once; a running server takes it at once',
    load: async () => (await import('./store/keys.ts')).KEYS_CREATE,
  },
  {
    name: 'keys list',
    description: 'Lists the keys of a store: names, scopes, when they were used last; never the keys themselves',
    load: async () => (await import('./store/keys.ts')).KEYS_LIST,
  },
  {
    name: 'keys revoke',
    description: 'Takes a key back: a running server refuses it from then on',
    load: async () => (await import('./store/keys.ts')).KEYS_REVOKE,
  },
  {
    name: 'loop status',
    description: 'Says what answers as prod, what may take its place, and where each candidate stands',
    load: async () => (await import('./live/loop.ts')).LOOP_STATUS,
  },
  {
    name: 'loop add',
    description: 'Makes a model a candidate: it may take the place of the one that answers, once its gate lets it',
    load: async () => (await import('./live/loop.ts')).LOOP_ADD,
  },
  {
    name: 'loop gate',
    description:
      'Judges a candidate by what preftune compare measured, and lets it pass, turns it down, or leaves it to a person',
    load: async () => (await import('./live/loop.ts')).LOOP_GATE,
  },
  {
    name: 'loop move',
    description: 'Moves a candidate by hand: lets pass what was held, turns one down, retires one',
    load: async () => (await import('./live/loop.ts')).LOOP_MOVE,
  },
  {
    name: 'loop promote',
    description:
      'Points prod to a candidate that passed, from the next request on; the one before stays for the way back',
    load: async () => (await import('./live/loop.ts')).LOOP_PROMOTE,
  },
  {
    name: 'loop rollback',
    description: 'Points prod back to what it stood for before, from the next request on',
    load: async () => (await import('./live/loop.ts')).LOOP_ROLLBACK,
  },
  {
    name: 'experiment list',
    description: 'Lists live tests of models with their verdicts',
    load: async () => (await import('./live/experiment.ts')).EXPERIMENT_LIST,
  },
  {
    name: 'experiment show',
    description: 'Says what a live test has found so far: effect, guardrails, sample ratio',
    load: async () => (await import('./live/experiment.ts')).EXPERIMENT_SHOW,
  },
  {
    name: 'experiment start',
    description: 'Tests models against each other on the traffic of a name, from the next request on',
    load: async () => (await import('./live/experiment.ts')).EXPERIMENT_START,
  },
  {
    name: 'experiment stop',
    description: 'Ends a live test: nobody new takes part, and who does is counted to the end',
    load: async () => (await import('./live/experiment.ts')).EXPERIMENT_STOP,
  },
  {
    name: 'docs',
    description: 'Shows the documentation in a browser, offline, or searches it for words',
    load: async () => (await import('./start/docs.ts')).DOCS,
  },
  {
    name: 'completion',
    description: 'Prints a script with which bash, zsh or fish complete commands, options and files',
    load: async () => (await import('./start/completion.ts')).COMPLETION,
  },
  {
    name: 'doctor',
    description: 'Shows what preftune can use of this machine, and what would stop it',
    load: async () => {
      const [{ createDoctor }, { probeProviders }] = await Promise.all([
        import('./doctor.ts'),
        import('./probe-providers.ts'),
      ]);
      return createDoctor(probeProviders);
    },
  },
];
