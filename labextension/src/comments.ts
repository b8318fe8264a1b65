/** What a guest of the session said to its people. */
export interface IComment {
  kind: 'comment';
  key: string;
  guest: string;
  text: string;
}
