/** What people are told who label, where a campaign says nothing of its own. */
export const DEFAULT_GUIDELINES = `# How to compare two answers

Read the question, then both answers to their end. Choose the one that you would rather have been given.

1. **Correct and honest** comes first. An answer that says something false, or makes something up, is worse than one that says less.
2. **It does what was asked**, in the form that was asked for, in the language of the question.
3. **Length is no merit.** Do not prefer an answer because it is long, or because it is short. What is said twice, or was not asked for, counts against an answer; what is missing does too.
4. **Looks come last.** Lists, headings and a friendly tone do not make up for what is wrong.

How sure are you? *Much better* where anybody would choose as you did; *slightly better* where you can say why. A *tie* where both serve as well; *both bad* where you would give neither to anybody.

**Edit** the better answer where a small change makes it good: what you write is what the model should have said.

**Skip** what you cannot judge (a subject or a language that you do not know), and say why. A skipped pair does not come back to you.

**Flag** what does not belong here: *PII* where a real person's name, address, number or the like stands in the text; *unsafe* where an answer would do harm; *broken* where the text is cut off, garbled or empty.
`;
