# An agent without a model: it knows the demo's tasks by their titles.
# It gets its prompt on standard input, as any agent does.
title=$(head -n 1)
echo "working on: $title"
gastown agent-status "working on it" >/dev/null

# promise LANG adds a language to the list; teach LANG GREETING adds its greeting.
promise() { awk -v lang="$1" '/^}$/ { printf "\t\"%s\",\n", lang } 1' languages.go >new && mv new languages.go; }
teach() { printf 'package greet\n\nfunc init() { greetings["%s"] = "%s" }\n' "$1" "$2" >"$1.go"; }

case $title in
*"Solve conflict"*)
	# Both sides added a line: both are meant to stay.
	git merge --quiet --no-edit "origin/$GASTOWN_BASE" || {
		grep -v -e '^<<<<<<<' -e '^=======' -e '^>>>>>>>' languages.go >new && mv new languages.go
		git add --all && git commit --quiet --no-edit
	}
	gastown done -m "kept both sides"
	exit
	;;
*"Fix "*French*) teach fr Bonjour ;;
*English*) promise en && teach en Hello ;;
*French*) promise fr ;; # forgets the greeting: the gate will notice
*Spanish*) promise es && teach es Hola ;;
*Italian*) promise it && teach it Ciao ;;
*README*) printf '# greet\n\nGreets people in their language.\n' >README.md ;;
*)
	gastown escalate "no idea what to do about: $title"
	exit 1
	;;
esac
git add --all
git commit --quiet --message "${title#\# }"
gastown done -m "${title#\# }"
