// Stylesheets are imported for their effect, and the bundler puts them beside the script; in js/lab
// they are imported as text.
declare module "*.css" {
  const text: string;
  export default text;
}
