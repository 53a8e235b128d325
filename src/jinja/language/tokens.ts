export type Operator =
  | '+'
  | '-'
  | '/'
  | '//'
  | '*'
  | '%'
  | '**'
  | '~'
  | '['
  | ']'
  | '('
  | ')'
  | '{'
  | '}'
  | '=='
  | '!='
  | '>'
  | '>='
  | '<'
  | '<='
  | '='
  | '.'
  | ':'
  | '|'
  | ','
  | ';';

interface Placed {
  /** 1-based. */
  readonly line: number;
}

export type Token = Placed &
  (
    | { readonly type: 'data' | 'name' | 'string'; readonly text: string }
    | { readonly type: 'integer'; readonly value: number | bigint }
    | { readonly type: 'float'; readonly value: number }
    | { readonly type: 'operator'; readonly text: Operator }
    | { readonly type: 'variable_begin' | 'variable_end' | 'block_begin' | 'block_end' | 'end' }
  );

const WORDS: Readonly<Record<string, string>> = {
  data: 'template data / text',
  variable_begin: 'begin of print statement',
  variable_end: 'end of print statement',
  block_begin: 'begin of statement block',
  block_end: 'end of statement block',
  end: 'end of template',
};

/** What a token is, for messages: its own text where it has one. */
export function describeToken(token: Token): string {
  if (token.type === 'name' || token.type === 'operator') return token.text;
  return WORDS[token.type] ?? token.type;
}
