// What scripts find in the page, for their check (tools/check_js.py); nothing of it is served.

// Gradio's, for every control. What a selector finds in a control's own markup is not known to the types.
declare const element: any;
declare const props: any;
declare const server: { [name: string]: (argument?: any) => Promise<any> };
declare function trigger(event: string, data?: any): void;
declare function watch(names: string | string[], changed: () => void): void;
declare function upload(file: File): Promise<{ path: string; url: string }>;

// A part of a tab, as page.js begins it and its form and its stage complete it.
interface Part {
  id: string;
  settings: any;
  form: { set(settings: any): void; merge(settings: any): void; values(): any };
  run: string;
  asked?: any; // the settings of a run of which no value has come yet
  coming?: Promise<any>; // what the stage will show, asked for last
  requests?: number; // how many values were asked for: that of the last one counts
  running: boolean;
  turn: number;
  pending: any;
  stage?: HTMLElement;
  opening?: Promise<void> | null;
  long?: boolean;
  unlinked?: string[]; // settings that no link holds
  set?(value: any): void;
  ask?(settings: any): Promise<any>;
  request?(settings: any): void | Promise<void>;
  over?(): void;
  forward?(): void; // a Model shows values again, and not gradients
  stop?(why?: string): void; // of the control that started the run
  shown?(): any;
  sends?(settings: any): any; // what the stage sends along with a run
  code?(): void | Promise<void>;
}

// The page as a whole: page.js makes it, member by member, and the router completes it.
interface Genai {
  controls: { [name: string]: (kit: any, gradio: any) => void };
  markup: { [name: string]: string };
  parts: { [id: string]: Part };
  current: string;
  first: { [tab: string]: string };
  select(id: string): void;
  selected(asked: { tab: string; part?: string | null }): unknown;
  part?(id: string): Part;
  shows?(part: Part, settings: any): void;
  show?(id: string, shown: { settings: any; value?: any }): void;
  toText?(value: any): string;
  link?(id: string, shown?: any): string;
  enter?(tab: string): void;
  at?(id: string): void;
  start?(name: string, gradio: any): void;
  kit?(gradio: any): any;
  askClass: ((preset: any, run: () => Promise<void>, link: string) => Promise<boolean>) | null;
}
declare var genai: Genai;
interface Window {
  genai: Genai;
}
interface WindowEventMap {
  "genai-enter": CustomEvent<string>; // the id of the tab or part that was opened
}
