/** What guests of a session say to its people. Pure. */
/** What a guest of the session said to its people. */
export interface IComment {
  kind: 'comment';
  key: string;
  guest: string;
  text: string;
}
