package config

import "strings"

// readSecretFiles reads the secrets that are given as files. The environment
// overrides the file here too: a secret in a variable beats a file named in the
// YAML, and the other way round. Both in one place contradict each other.
func (l *loader) readSecretFiles() {
	for _, pair := range twins(keys(&l.config)) {
		if pair.file.value.String() == "" || l.isBad(pair.file.path) {
			continue
		}
		text, given := l.origins[pair.secret.path]
		file := l.origins[pair.file.path]
		textFirst := text.Variable != "" && file.Variable == ""
		fileFirst := file.Variable != "" && text.Variable == ""
		switch {
		case !given || pair.secret.value.Len() == 0 || fileFirst:
			l.readSecretFile(pair)
		case textFirst:
			pair.file.value.SetString("")
		default:
			l.mistake(pair.file.path, "is given beside "+pair.secret.path, "one of the two")
		}
	}
}

// readSecretFile puts the content of the file into the secret. Editors and
// "echo" end a file with a newline that is no part of the secret.
func (l *loader) readSecretFile(pair twin) {
	path := pair.file.path
	l.forget(pair.secret.path)
	l.origins[pair.secret.path] = l.origins[path]
	data, err := readFile(pair.file.value.String())
	if err != nil {
		l.mistake(path, "cannot be read: "+err.Error(), "")
		l.bad[pair.secret.path] = true
		return
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		l.mistake(path, "names an empty file", "")
		l.bad[pair.secret.path] = true
		return
	}
	pair.secret.value.SetString(text)
}
