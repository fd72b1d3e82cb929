import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wiremock.com.jayway.jsonpath.Configuration;
import wiremock.com.jayway.jsonpath.DocumentContext;
import wiremock.com.jayway.jsonpath.InvalidPathException;
import wiremock.com.jayway.jsonpath.JsonPath;
import wiremock.com.jayway.jsonpath.PathNotFoundException;
import wiremock.com.jayway.jsonpath.spi.json.JsonProvider;

/**
 * Answers questions about paths with Jayway JsonPath: one JSON object a line in, one JSON object a line out.
 *
 * {"do": "read" | "set" | "delete", "document": …, "path": "…", "value": …}
 * {"answer": "value", "value": …} | {"answer": "missing"} | {"answer": "invalid", "message": "…"}
 */
public class Driver {
    static final Configuration CONFIGURATION = Configuration.defaultConfiguration();
    static final JsonProvider JSON = CONFIGURATION.jsonProvider();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSON.toJson(answer((Map<?, ?>) JSON.parse(line))));
        }
        out.flush();
    }

    static Map<String, Object> answer(Map<?, ?> question) {
        Map<String, Object> answer = new LinkedHashMap<>();
        try {
            JsonPath path = JsonPath.compile((String) question.get("path"));
            Object document = question.get("document");
            DocumentContext context = JsonPath.using(CONFIGURATION).parse(document);
            switch ((String) question.get("do")) {
                case "set": answer.put("value", context.set(path, question.get("value")).json()); break;
                case "delete": answer.put("value", context.delete(path).json()); break;
                default: answer.put("value", path.read(document, CONFIGURATION));
            }
            answer.put("answer", "value");
        } catch (PathNotFoundException error) {
            answer.put("answer", "missing");
        } catch (InvalidPathException error) {
            answer.put("answer", "invalid");
            answer.put("message", String.valueOf(error.getMessage()));
        } catch (RuntimeException error) {
            answer.put("answer", "failed");
            answer.put("message", error.getClass().getSimpleName() + ": " + error.getMessage());
        }
        return answer;
    }
}
