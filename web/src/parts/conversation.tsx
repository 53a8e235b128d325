import type { ReactNode } from 'react';
import type { Content } from '../label-api.ts';
import { Markdown } from './markdown.tsx';

/** What was asked: a text, or messages, of which the instructions are folded away. */
export function Conversation({ content }: { readonly content: Content }): ReactNode {
  if (typeof content === 'string') return <Markdown text={content} />;
  return content.map((message, index) =>
    message.role === 'system' ? (
      <details key={index} className="mb-2">
        <summary className="quiet text-sm">Instructions</summary>
        <Markdown text={partsText(message.content)} />
      </details>
    ) : (
      <div key={index} className="mb-2">
        {content.length > 1 && <p className="quiet text-sm">{message.role}</p>}
        <Markdown text={partsText(message.content)} />
      </div>
    ),
  );
}

/** As plain text. */
export function textOf(content: Content): string {
  return typeof content === 'string' ? content : content.map((message) => partsText(message.content)).join('\n\n');
}

function partsText(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? '').join('\n') : '';
}
