import { Lexer, type Token, type Tokens } from 'marked';
import { Fragment, type ReactNode } from 'react';

/**
 * What a model wrote, as Markdown: elements are made of marked's tokens, so no HTML of an answer is ever HTML here. Pictures are links (one that is loaded tells somebody
 * else what was asked), and links lead only to the web and to mail.
 */
export function Markdown({ text }: { readonly text: string }): ReactNode {
  return <div className="prose-text">{blocks(Lexer.lex(text, { gfm: true, breaks: true }))}</div>;
}

function blocks(tokens: readonly Token[]): ReactNode {
  return tokens.map((token, index) => <Fragment key={index}>{block(token as Tokens.Generic)}</Fragment>);
}

function block(token: Tokens.Generic): ReactNode {
  switch (token.type) {
    case 'space':
      return null;
    case 'heading': {
      // A page has one h1: an answer's headings stand below a screen's.
      const Heading = `h${Math.min(6, (token['depth'] as number) + 2)}` as 'h3';
      return <Heading>{inline(token.tokens)}</Heading>;
    }
    case 'paragraph':
      return <p>{inline(token.tokens)}</p>;
    case 'text':
      return token.tokens === undefined ? <p>{token['text'] as string}</p> : <p>{inline(token.tokens)}</p>;
    case 'code':
      return (
        <pre tabIndex={0}>
          <code>{token['text'] as string}</code>
        </pre>
      );
    case 'blockquote':
      return <blockquote>{blocks(token.tokens ?? [])}</blockquote>;
    case 'list': {
      const list = token as unknown as Tokens.List;
      const items = list.items.map((item, index) => (
        <li key={index}>
          {item.task && <input type="checkbox" checked={item.checked === true} readOnly aria-label="done" />}
          {item.loose ? blocks(item.tokens) : tight(item.tokens)}
        </li>
      ));
      return list.ordered ? <ol start={list.start === '' ? 1 : list.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case 'table': {
      const table = token as unknown as Tokens.Table;
      return (
        <div className="overflow-x-auto">
          <table>
            <thead>
              <tr>
                {table.header.map((cell, index) => (
                  <th key={index}>{inline(cell.tokens)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, at) => (
                    <td key={at}>{inline(cell.tokens)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    }
    case 'hr':
      return <hr />;
    default:
      return <p>{token.raw}</p>;
  }
}

function tight(tokens: readonly Token[]): ReactNode {
  return tokens.map((token, index) => (
    <Fragment key={index}>
      {token.type === 'text' ? inline((token as Tokens.Text).tokens ?? []) : block(token as Tokens.Generic)}
    </Fragment>
  ));
}

function inline(tokens: readonly Token[] = []): ReactNode {
  return tokens.map((token, index) => <Fragment key={index}>{span(token as Tokens.Generic)}</Fragment>);
}

function span(token: Tokens.Generic): ReactNode {
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens)}</strong>;
    case 'em':
      return <em>{inline(token.tokens)}</em>;
    case 'del':
      return <s>{inline(token.tokens)}</s>;
    case 'codespan':
      return <code>{token['text'] as string}</code>;
    case 'br':
      return <br />;
    case 'escape':
      return token['text'] as string;
    case 'link':
    case 'image': {
      const href = token['href'] as string;
      const text = token.type === 'image' ? `[picture: ${(token['text'] as string) || href}]` : inline(token.tokens);
      return /^(https?:|mailto:)/i.test(href) ? (
        <a href={href} target="_blank" rel="noopener noreferrer nofollow">
          {text}
        </a>
      ) : (
        text
      );
    }
    case 'text':
      return token.tokens === undefined ? plain(token['text'] as string) : inline(token.tokens);
    default:
      return token.raw;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

/** marked writes texts for HTML; React does so again. */
function plain(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]!);
}
