import { describe, expect, test } from '@jest/globals';
import { outcomeOf, readLine } from './decision-notation.ts';

/** One decision a line, as `decision-notation.ts` reads it. */
const tables: Readonly<Record<string, string>> = {
  'the default': `
    - | allow | tools/call read | allowed by default
    - | deny  | tools/call read | denied by default
    - | allow | resources/read file:///a | allowed by default
    - | deny  | resources/read file:///a | denied by default
    - | deny  | prompts/get greet | denied by default
    - | deny  | completion/complete greet | denied by default
    - | deny  | logging/setLevel | denied by default
    - | allow | logging/setLevel | allowed by default
    - | deny  | acme/own | denied by default
    - | deny  | tasks/get read | denied by default
    - | deny  | resources/subscribe file:///a | denied by default
    - | deny  | subscriptions/listen file:///a | denied by default
    - | deny  | tools/list | allowed implicitly
    - | deny  | resources/templates/list | allowed implicitly
    - | deny  | tasks/list | allowed implicitly
    - | deny  | initialize | allowed implicitly
    - | deny  | server/discover | allowed implicitly
    - | deny  | ping | allowed implicitly
    - | deny  | notifications/cancelled | allowed implicitly
  `,
  'effects and their order': `
    allow | deny | tools/call read | allowed by 1
    deny | allow | tools/call read | denied by 1
    allow ; deny | allow | tools/call read | denied by 2
    deny ; allow | deny | tools/call read | denied by 1
    deny ; deny | allow | tools/call read | denied by 1
    allow ; allow | deny | tools/call read | allowed by 1
    deny if false ; deny | allow | tools/call read | denied by 2
    allow if false ; allow | deny | tools/call read | allowed by 2
    allow if false | deny | tools/call read | denied by default
    allow if false | allow | tools/call read | allowed by default
    deny if false | allow | tools/call read | allowed by default
    deny if false | deny | tools/call read | denied by default
    allow ; deny if false | deny | tools/call read | allowed by 1
    deny roles=auditor ; allow | deny | tools/call read | allowed by 2
    deny roles=developer ; allow subjects=user:1 | deny | tools/call read | denied by 1
  `,
  'targets: servers': `
    deny servers=files | allow | tools/call read | denied by 1
    deny servers=mail | allow | tools/call read | allowed by default
    deny servers=mail,files | allow | tools/call read | denied by 1
    deny servers=fi* | allow | tools/call read | denied by 1
    deny servers=f?les | allow | tools/call read | denied by 1
    deny servers=* | allow | tools/call read | denied by 1
    deny servers=Files | allow | tools/call read | allowed by default
    deny servers=file | allow | tools/call read | allowed by default
    deny servers=files-* | allow | tools/call read server=files-2 | denied by 1
    allow servers=files tools=read | deny | tools/call read server=mail | denied by default
    deny servers=files | allow | resources/read file:///a | denied by 1
    deny servers=files | allow | logging/setLevel | denied by 1
    deny servers=files | allow | initialize | allowed implicitly
  `,
  'targets: methods': `
    deny methods=tools/call | allow | tools/call read | denied by 1
    deny methods=tools/* | allow | tools/call read | denied by 1
    deny methods=* | allow | tools/call read | denied by 1
    deny methods=prompts/get | allow | tools/call read | allowed by default
    allow methods=resources/read | deny | resources/read file:///a | allowed by 1
    allow methods=resources/read | deny | resources/subscribe file:///a | denied by default
    deny methods=logging/setLevel | allow | logging/setLevel | denied by 1
    allow methods=logging/setLevel | deny | logging/setLevel | allowed by 1
    allow methods=acme/* | deny | acme/own | allowed by 1
    deny methods=acme/own | allow | acme/own | denied by 1
    deny methods=tasks/* | allow | tasks/cancel read | denied by 1
    deny methods=tasks/cancel | allow | tasks/get read | allowed by default
    deny methods=completion/* | allow | completion/complete greet | denied by 1
    deny methods=* | allow | initialize | allowed implicitly
    deny methods=initialize | allow | initialize | allowed implicitly
    deny methods=* | allow | notifications/cancelled | allowed implicitly
  `,
  'targets: lists are narrowed, and denied only by their method': `
    deny methods=tools/list | allow | tools/list | denied by 1
    deny methods=tools/* | allow | tools/list | denied by 1
    deny methods=* | allow | tools/list | denied by 1
    deny methods=tools/list | allow | prompts/list | allowed implicitly
    deny | allow | tools/list | allowed implicitly
    deny servers=files | allow | tools/list | allowed implicitly
    deny methods=tools/list servers=files | allow | tools/list | denied by 1
    deny methods=tools/list servers=mail | allow | tools/list | allowed implicitly
    deny methods=tools/list roles=developer | allow | tools/list | denied by 1
    deny methods=tools/list roles=auditor | allow | tools/list | allowed implicitly
    deny methods=tools/list tools=read | allow | tools/list | allowed implicitly
    deny methods=tools/list if server.slug == "files" | allow | tools/list | denied by 1
    deny methods=tools/list if server.slug == "mail" | allow | tools/list | allowed implicitly
    deny methods=tools/list if 1 / 0 == 1 | allow | tools/list | denied by failure of 1
    deny methods=tools/list if args.n > 1 | allow | tools/list | denied by failure of 1
    allow methods=tools/list | deny | tools/list | allowed implicitly
    deny methods=subscriptions/listen | allow | subscriptions/listen file:///a | denied by 1
    deny methods=tasks/list | allow | tasks/list | denied by 1
  `,
  'targets: tools': `
    deny tools=read | allow | tools/call read | denied by 1
    deny tools=read | allow | tools/call Read | allowed by default
    deny tools=read | allow | tools/call read_file | allowed by default
    deny tools=read* | allow | tools/call read_file | denied by 1
    deny tools=*_file | allow | tools/call read_file | denied by 1
    deny tools=*ad_f* | allow | tools/call read_file | denied by 1
    deny tools=read?file | allow | tools/call read_file | denied by 1
    deny tools=read?file | allow | tools/call read__file | allowed by default
    deny tools=* | allow | tools/call read | denied by 1
    deny tools=* | allow | resources/read file:///a | allowed by default
    deny tools=* | allow | logging/setLevel | allowed by default
    deny tools=* | allow | prompts/get greet | allowed by default
    deny tools=read\\* | allow | tools/call read* | denied by 1
    deny tools=read\\* | allow | tools/call read_file | allowed by default
    deny tools=a/* | allow | tools/call a/b/c | denied by 1
    deny tools=write,delete | allow | tools/call delete | denied by 1
    allow tools=read_* ; deny tools=read_secret | deny | tools/call read_file | allowed by 1
    allow tools=read_* ; deny tools=read_secret | deny | tools/call read_secret | denied by 2
    deny tools=read | allow | tasks/get read | denied by 1
    deny tools=read | allow | tasks/get write | allowed by default
    allow tools=read | deny | tasks/result read | allowed by 1
    deny tools=greet | allow | prompts/get greet | allowed by default
  `,
  'targets: resources': `
    deny resources=file:///etc/passwd | allow | resources/read file:///etc/passwd | denied by 1
    deny resources=file:///etc/passwd | allow | resources/read FILE:///etc/passwd | denied by 1
    deny resources=file:///etc/passwd | allow | resources/read file:///srv/../etc/passwd | denied by 1
    deny resources=file:///etc/passwd | allow | resources/read file:///srv/%2e%2e/etc/passwd | denied by 1
    deny resources=file:///etc/passwd | allow | resources/read file:///srv/..%2fetc/passwd | denied by 1
    deny resources=file:///etc/passwd | allow | resources/read file:////etc//passwd | denied by 1
    deny resources=file:///etc/passwd | allow | resources/read file:///etc/passwd#a | denied by 1
    deny resources=file:///etc/passwd | allow | resources/read file:///etc/group | allowed by default
    deny resources=FILE:///etc/./passwd | allow | resources/read file:///etc/passwd | denied by 1
    deny resources=file:///etc/* | allow | resources/read file:///etc/passwd | denied by 1
    deny resources=file:///etc/* | allow | resources/read file:///etc/ssh/key | allowed by default
    deny resources=file:///etc/** | allow | resources/read file:///etc/ssh/key | denied by 1
    deny resources=**/.env | allow | resources/read file:///srv/app/.env | denied by 1
    deny resources=* | allow | resources/read file:///srv/app/.env | denied by 1
    deny resources=* | allow | tools/call read | allowed by default
    allow resources=file:///pub/** | deny | resources/read file:///pub/a/b | allowed by 1
    allow resources=file:///pub/** | deny | resources/read file:///pub/../etc/passwd | denied by default
    allow resources=file:///pub/** | deny | resources/read file:///pub/..%2fetc/passwd | denied by default
    allow resources=file:///pub/** | deny | resources/read file:///pub/%252e%252e/etc/passwd | denied by default
    allow resources=file:///pub/** | deny | resources/read file:///pub//../../etc/passwd | denied by default
    allow resources=file:///pub/** | deny | resources/subscribe file:///pub/a | allowed by 1
    allow resources=https://*.example.com/** | deny | resources/read https://docs.example.com/a/b | allowed by 1
    allow resources=https://*.example.com/** | deny | resources/read https://evil.com/.example.com/ | denied by default
    allow resources=https://docs.example.com/** | deny | resources/read https://docs.example.com@evil.com/a | denied by default
    deny resources=https://evil.com/** | allow | resources/read https://docs@evil.com:443/a | denied by 1
    deny resources=note://secret | allow | subscriptions/listen note://secret | denied by 1
    deny resources=note://secret | allow | subscriptions/listen note://other | allowed implicitly
    deny resources=note://secret | allow | completion/complete note://secret | denied by 1
    deny resources=note://{id} | allow | completion/complete note://{id} | denied by 1
  `,
  'targets: prompts, and kinds together': `
    deny prompts=greet | allow | prompts/get greet | denied by 1
    deny prompts=greet | allow | completion/complete greet | denied by 1
    deny prompts=greet | allow | tools/call greet | allowed by default
    deny prompts=gr* | allow | prompts/get greet | denied by 1
    allow tools=read prompts=greet | deny | tools/call read | allowed by 1
    allow tools=read prompts=greet | deny | prompts/get greet | allowed by 1
    allow tools=read prompts=greet | deny | tools/call greet | denied by default
    allow tools=read prompts=greet | deny | resources/read file:///a | denied by default
    allow tools=* resources=* prompts=* | deny | logging/setLevel | denied by default
    allow tools=read methods=tools/call | deny | tasks/get read | denied by default
    deny servers=files tools=read methods=tools/* roles=developer | allow | tools/call read | denied by 1
    deny servers=files tools=read methods=tools/* roles=auditor | allow | tools/call read | allowed by default
  `,
  subjects: `
    deny roles=developer | allow | tools/call read | denied by 1
    deny roles=developer | allow | tools/call read roles=auditor | allowed by default
    deny roles=developer | allow | tools/call read roles=auditor,developer | denied by 1
    deny roles=auditor,agent | allow | tools/call read roles=agent | denied by 1
    deny roles=dev* | allow | tools/call read | allowed by default
    deny roles=Developer | allow | tools/call read | allowed by default
    deny subjects=user:1 | allow | tools/call read | denied by 1
    deny subjects=user:1 | allow | tools/call read subject=user:11 | allowed by default
    deny subjects=service:ci | allow | tools/call read subject=service:ci | denied by 1
    deny keys=key1 | allow | tools/call read | denied by 1
    deny keys=key2 | allow | tools/call read | allowed by default
    deny keys=key1 | allow | tools/call read token=key1 | allowed by default
    allow roles=auditor subjects=user:1 | deny | tools/call read | allowed by 1
    allow roles=auditor keys=key1 | deny | tools/call read subject=user:9 | allowed by 1
    allow roles=auditor subjects=user:2 keys=key2 | deny | tools/call read | denied by default
    allow roles=developer tools=write | deny | tools/call read | denied by default
  `,
  conditions: `
    allow tools=read if args.path.startsWith("/srv/") | deny | tools/call read args={"path":"/srv/a"} | allowed by 1
    allow tools=read if args.path.startsWith("/srv/") | deny | tools/call read args={"path":"/etc/a"} | denied by default
    deny tools=read if args.n > 3 | allow | tools/call read args={"n":4} | denied by 1
    deny tools=read if args.n > 3 | allow | tools/call read args={"n":3} | allowed by default
    deny prompts=greet if args.name == "root" | allow | prompts/get greet args={"name":"root"} | denied by 1
    deny if principal.subject == "user:1" | allow | tools/call read | denied by 1
    deny if "developer" in principal.roles | allow | tools/call read | denied by 1
    deny if server.labels["env"] == "prod" | allow | tools/call read labels=env:prod | denied by 1
    deny if request.method == "tools/call" | allow | tools/call read | denied by 1
    deny if request.era == "modern" | allow | tools/call read era=modern | denied by 1
    deny if request.era == "modern" | allow | tools/call read | allowed by default
    deny if request.client.name == "editor" | allow | tools/call read client=editor | denied by 1
    deny if request.headers["x-team"] == "red" | allow | tools/call read headers=x-team:red | denied by 1
    deny if request.target == "file:///a" | allow | resources/read FILE:///b/../a | denied by 1
    deny if request.kind == "resource" | allow | resources/read note://x | denied by 1
    deny if now.getHours() >= 18 | allow | tools/call read now=2026-11-23T19:00:00Z | denied by 1
    deny if now.getHours() >= 18 | allow | tools/call read now=2026-11-23T09:00:00Z | allowed by default
    deny tools=* if !tool.approved | allow | tools/call read | denied by 1
    deny tools=* if !tool.approved | allow | tools/call read pin=read-only | allowed by default
    deny tools=* if tool.annotations.destructiveHint | allow | tools/call read | denied by 1
    deny tools=* if tool.annotations.destructiveHint | allow | tools/call read pin=plain | denied by 1
    deny tools=* if tool.annotations.destructiveHint | allow | tools/call read pin=read-only | allowed by default
    allow tools=* if tool.annotations.readOnlyHint | deny | tools/call read pin=read-only | allowed by 1
    allow tools=* if tool.annotations.readOnlyHint | deny | tools/call read | denied by default
    deny if inCidr(request.address, "192.0.2.0/24") | allow | tools/call read | denied by 1
  `,
  'conditions that fail': `
    deny tools=read if args.n > 3 | allow | tools/call read | denied by failure of 1
    deny tools=read if args.n > 3 | allow | tools/call read args={"n":"x"} | denied by failure of 1
    allow tools=read if args.n > 3 | deny | tools/call read | denied by failure of 1
    allow tools=read if args.n > 3 | allow | tools/call read | denied by failure of 1
    allow if 1 / 0 == 1 ; allow | deny | tools/call read | allowed by 2
    deny if 1 / 0 == 1 ; allow | deny | tools/call read | denied by failure of 1
    deny if 1 / 0 == 1 ; deny | allow | tools/call read | denied by 2
    deny ; deny if 1 / 0 == 1 | allow | tools/call read | denied by 1
    deny if 1 / 0 == 1 ; deny if 2 / 0 == 1 | allow | tools/call read | denied by failure of 1
    allow if 1 / 0 == 1 ; deny if 2 / 0 == 1 | allow | tools/call read | denied by failure of 2
    allow if 1 / 0 == 1 ; allow if false | allow | tools/call read | denied by failure of 1
    deny if args.n > 3 && false | allow | tools/call read | allowed by default
    deny if args.n > 3 || true | allow | tools/call read | denied by 1
    deny tools=* if has(args.n) && args.n > 3 | allow | tools/call read | allowed by default
    deny roles=auditor if 1 / 0 == 1 | allow | tools/call read | allowed by default
    deny if tool.approved | allow | logging/setLevel | denied by failure of 1
    deny if args.n > 3 | allow | logging/setLevel | denied by failure of 1
    deny if args.n > 3 | allow | resources/read file:///a | denied by failure of 1
    allow if args.n > 3 | allow | completion/complete note://a | denied by failure of 1
    allow if principal.subject | deny | tools/call read | denied by failure of 1
    deny if "yes" | allow | tools/call read | denied by failure of 1
  `,
  'arguments that are not known': `
    deny tools=read if args.n > 3 | allow | tasks/get read | allowed by default
    allow tools=read if args.n > 3 | deny | tasks/get read | allowed by 1
    allow tools=read if args.n > 3 ; allow | deny | tasks/get read | allowed by 2
    deny tools=read if !has(args.n) | allow | tasks/get read | allowed by default
    deny tools=read if !has(args.n) | allow | tools/call read | denied by 1
    allow if args.n > 3 && server.slug == "mail" | deny | tasks/get read | denied by default
    deny if args.n > 3 || server.slug == "files" | allow | tasks/get read | denied by 1
    deny if args.n > 3 ; deny if 1 / 0 == 1 | allow | tasks/get read | denied by failure of 2
    allow if 1 / 0 == 1 | allow | tasks/get read | denied by failure of 1
    allow if 1 / 0 == 1 ; allow if args.n > 3 | deny | tasks/get read | allowed by 2
    deny prompts=greet if args.name == "root" | allow | completion/complete greet | allowed by default
    allow prompts=greet if args.name == "root" | deny | completion/complete greet | allowed by 1
  `,
  'shadow mode': `
    shadow deny | allow | tools/call read | allowed by default (1 would_deny)
    shadow deny | deny | tools/call read | denied by default
    shadow deny ; allow | deny | tools/call read | allowed by 2 (1 would_deny)
    shadow deny ; deny | allow | tools/call read | denied by 2
    shadow allow | deny | tools/call read | denied by default (1 would_allow)
    shadow allow | allow | tools/call read | allowed by default
    shadow allow ; deny | deny | tools/call read | denied by 2
    shadow allow ; allow | deny | tools/call read | allowed by 2
    shadow deny if false | allow | tools/call read | allowed by default
    shadow deny if 1 / 0 == 1 | allow | tools/call read | allowed by default (1 would_fail)
    shadow deny if 1 / 0 == 1 | deny | tools/call read | denied by default
    shadow allow if 1 / 0 == 1 | deny | tools/call read | denied by default
    shadow allow if 1 / 0 == 1 | allow | tools/call read | allowed by default (1 would_fail)
    shadow allow if 1 / 0 == 1 ; allow | allow | tools/call read | allowed by 2
    shadow allow ; allow if 1 / 0 == 1 | allow | tools/call read | denied by failure of 2 (1 would_allow)
    shadow allow ; deny if 1 / 0 == 1 | allow | tools/call read | denied by failure of 2
    shadow deny roles=auditor | allow | tools/call read | allowed by default
    shadow deny tools=write | allow | tools/call read | allowed by default
    shadow deny ; shadow deny if 1 / 0 == 1 | allow | tools/call read | allowed by default (1 would_deny, 2 would_fail)
    shadow deny methods=tools/list | allow | tools/list | allowed implicitly (1 would_deny)
    shadow deny | allow | tools/list | allowed implicitly
    shadow deny | allow | initialize | allowed implicitly
    shadow deny if args.n > 3 | allow | tasks/get read | allowed by default
    shadow allow if args.n > 3 | deny | tasks/get read | denied by default
  `,
};

function linesOf(table: string): string[] {
  return table
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

describe.each(Object.entries(tables))('%s', (_, table) => {
  test.each(linesOf(table))('%s', (text) => {
    const line = readLine(text);
    expect(outcomeOf(line)).toBe(line.outcome);
    for (const call of line.calls) {
      expect(line.set.explain(call).decision).toEqual(line.set.decide(call));
    }
  });
});

test('the tables hold at least 150 decisions, no two alike', () => {
  const lines = Object.values(tables).flatMap(linesOf);
  expect(new Set(lines).size).toBe(lines.length);
  expect(lines.length).toBeGreaterThanOrEqual(150);
});

test('at most 8 shadow decisions are kept, the first in the organization’s order', () => {
  const policies = Array.from({ length: 12 }, () => 'shadow deny').join(' ; ');
  const first = '1,2,3,4,5,6,7,8'.split(',').map((id) => `${id} would_deny`);
  const line = readLine(`${policies} | allow | tools/call read | `);
  expect(outcomeOf(line)).toBe(`allowed by default (${first.join(', ')})`);
});
